/** The parts of the page, in their order. To add one: docs/dashboard.md, "The page". */

import { delays } from "./sections/delays.js";
import { evolution } from "./sections/evolution.js";
import { freshness, rejects } from "./sections/ledger.js";
import { plan } from "./sections/plan.js";
import { alerts, status } from "./sections/service.js";
import { siblings } from "./sections/siblings.js";
import { states } from "./sections/states.js";
import { tiles } from "./sections/tiles.js";

export const SECTIONS = [alerts, tiles, evolution, delays, states, plan, siblings, freshness, rejects, status];
