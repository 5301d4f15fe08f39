"""The dashboard's application: the page, its files and its data behind Airflow's login."""

from __future__ import annotations

import logging
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles

from kpi.ui import routes, status
from kpi.ui.answers import Refused
from kpi.ui.reading import DatabaseAway, NotBootstrapped
from kpi.ui.security import MAY_READ, SafeHeaders
from kpi.ui.selection import ALLOWED

STATIC = Path(__file__).parent / "static"
# Each router's routes are below /api and behind the login.
ROUTERS = (routes.router, status.router)
_SHOWN = 40  # characters of a refused value

log = logging.getLogger(__name__)


def create_app() -> FastAPI:
    """Return the application; every route of it asks for the login, by the app's own dependency."""
    app = FastAPI(dependencies=[MAY_READ], docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(SafeHeaders)
    for router in ROUTERS:
        app.include_router(router, prefix="/api")
    app.add_api_route("/", _page)
    app.add_api_route("/static/{path:path}", _file)
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(RequestValidationError, _wrong_parameter)
    app.add_exception_handler(DatabaseAway, _database_away)
    app.add_exception_handler(NotBootstrapped, _not_bootstrapped)
    return app


# Through routes and not as a mount: what is mounted is not behind the login.
_files = StaticFiles(directory=STATIC)


async def _page(request: Request) -> Response:
    return await _file("index.html", request)


async def _file(path: str, request: Request) -> Response:
    answer = await _files.get_response(path, request.scope)
    # May be kept, but is asked for each time: the login may have ended, the package be another.
    answer.headers["Cache-Control"] = "private, no-cache"
    return answer


def _say(refused: Refused) -> JSONResponse:
    return JSONResponse(refused.content, refused.status)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return _say(error)


async def _wrong_parameter(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    name = str(first["loc"][-1])
    french, english = ALLOWED.get(name, ("une valeur permise", "an allowed value"))
    if first["type"] == "missing":
        return _say(
            Refused(
                422,
                "input",
                f"Le paramètre {name} manque ; donnez {french}.",
                f"The parameter {name} is missing; give {english}.",
            )
        )
    value = repr(first["input"])[:_SHOWN]
    return _say(
        Refused(
            422,
            "input",
            f"Le paramètre {name} ne peut pas être {value} ; donnez {french}.",
            f"The parameter {name} cannot be {value}; give {english}.",
        )
    )


async def _database_away(request: Request, error: Exception) -> Response:
    return _say(
        Refused(
            503,
            "database",
            "La base des indicateurs ne répond pas ; vérifiez le serveur MySQL et la connexion kpi_read "
            "d'Airflow, puis rechargez la page. La cause est dans le journal de l'api-server.",
            "The KPI database does not answer; check the MySQL server and Airflow's connection kpi_read, "
            "then reload the page. The cause is in the api-server's log.",
        )
    )


async def _not_bootstrapped(request: Request, error: Exception) -> Response:
    return _say(
        Refused(
            503,
            "schema",
            "Les tables kpi_* manquent ou sont d'une version plus ancienne ; lancez le DAG kpi_bootstrap, "
            "puis kpi_time_dimension et kpi_daily.",
            "The kpi_* tables are missing or older than this package; run the DAG kpi_bootstrap, then "
            "kpi_time_dimension and kpi_daily.",
        )
    )
