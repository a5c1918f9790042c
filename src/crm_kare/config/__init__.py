"""What is read from files and environment: settings, project, mapping, rulebook, expressions, the registry of connectors."""
