"""Tags every account of a CRM with its KARE profile and ICP score, with reasons."""

__version__ = "0.1.0"
