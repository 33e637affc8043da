"""The status page: static HTML, JSON and metrics, from the journal."""

from saltern.report.page.data import SCHEMA_VERSION, Origin
from saltern.report.page.files import write_pages
from saltern.report.page.seen import record
from saltern.report.page.writer import PageWriter

__all__ = ["SCHEMA_VERSION", "Origin", "PageWriter", "record", "write_pages"]
