"""The application: command line, bags, experts and reports on top of core and simulators."""
