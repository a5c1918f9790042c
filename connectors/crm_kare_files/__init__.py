"""Connector `files`: accounts, opportunities and orders as CSV, TSV, XLSX or Parquet; labels into a results file."""

from crm_kare_files.connector import FilesConnector
from crm_kare_files.connector import FilesConnector as connector  # noqa: N813  what the entry point names

__all__ = ["FilesConnector", "connector"]
