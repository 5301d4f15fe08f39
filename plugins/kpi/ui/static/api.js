/** Questions to the server: GET requests that answer JSON, relative to the page's own address. */

/**
 * An answer that is no data: `status` is HTTP's, 0 when the server cannot be reached; `sentences` says why, by
 * language, `code` what kind it is.
 */
export class ApiError extends Error {
  constructor(status, sentences = {}, code = null) {
    super(`the server answered ${status}`);
    this.status = status;
    this.sentences = sentences;
    this.code = code;
  }
}

/** The address of a question; parameters without a value are left out. */
export function address(path, parameters = {}) {
  const given = Object.entries(parameters).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const query = new URLSearchParams(given).toString();
  return query ? `api/${path}?${query}` : `api/${path}`;
}

/** Ask the server; the answer is the parsed JSON. Throws ApiError, or AbortError when `signal` was used. */
export async function ask(path, parameters, signal) {
  let answer;
  try {
    answer = await fetch(address(path, parameters), { signal, headers: { Accept: "application/json" } });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0);
  }
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new ApiError(answer.status, { fr: body.message_fr, en: body.message_en }, body.code);
  return body;
}
