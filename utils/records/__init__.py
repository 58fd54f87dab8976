"""Tables as rows: csv, tsv, jsonl and parquet files, plain or compressed, as records of strings."""

from utils.records.csv_files import csv_records
from utils.records.files import (
    OPENERS,
    TABLE_SUFFIXES,
    Columns,
    ReadReport,
    column_name,
    file_chunks,
    table_suffix,
)
from utils.records.tables import all_columns, as_string, dataset_name, table_records

__all__ = [
    "Columns",
    "OPENERS",
    "ReadReport",
    "TABLE_SUFFIXES",
    "all_columns",
    "as_string",
    "column_name",
    "csv_records",
    "dataset_name",
    "file_chunks",
    "table_records",
    "table_suffix",
]
