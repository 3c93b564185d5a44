"""Self-contained HTML pages: of a run, of a study, of a deployment."""
