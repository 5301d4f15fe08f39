"""What all rooms stand on: settings, connections, locks, scripts and steps, the ledger, local days, the catalogue."""
