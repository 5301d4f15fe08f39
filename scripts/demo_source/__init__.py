"""A generator of an LMS-shaped MySQL database: a school whose rows are a pure function of time.

`School` says which rows there are at any instant, `DemoSource` keeps a database at one, `oddities`
lists the odd cases.
"""

from .curriculum import Curriculum
from .database import DemoSource, DemoSourceError, Moved
from .school import School, TableChanges

__all__ = ["Curriculum", "DemoSource", "DemoSourceError", "Moved", "School", "TableChanges"]
