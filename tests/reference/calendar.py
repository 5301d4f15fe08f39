"""Local days of the institution as half-open ranges of UTC instants, through zoneinfo."""

import zoneinfo
from datetime import UTC, date, datetime, time, timedelta

ONE_DAY = timedelta(days=1)


class Calendar:
    """Bounds of local days; all instants in and out are naive UTC datetimes."""

    def __init__(self, zone_name: str = "Africa/Casablanca") -> None:
        """Load the zone from the tzdata wheel, whatever the operating system has.

        Raises RuntimeError when the zone data are older than IANA 2026c.
        """
        zoneinfo.reset_tzpath(to=())
        self.zone = zoneinfo.ZoneInfo.no_cache(zone_name)
        if zone_name == "Africa/Casablanca":
            offset = datetime(2026, 11, 22, 12, tzinfo=self.zone).utcoffset()
            if offset != timedelta(0):
                raise RuntimeError(
                    f"Africa/Casablanca is at {offset} on 2026-11-22, not 0: "
                    "install tzdata>=2026.3 and set PYTHONTZPATH=''."
                )

    def utc_start(self, day: date) -> datetime:
        """Return the first instant of the local day."""
        midnight = datetime.combine(day, time(0), tzinfo=self.zone)
        return midnight.astimezone(UTC).replace(tzinfo=None)

    def utc_end(self, day: date) -> datetime:
        """Return the first instant after the local day."""
        return self.utc_start(day + ONE_DAY)

    def local_day(self, instant: datetime) -> date:
        """Return the local day that holds the instant."""
        return instant.replace(tzinfo=UTC).astimezone(self.zone).date()
