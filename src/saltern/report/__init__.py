"""What a run came to: the report, its exit status, and the texts made from it."""

from saltern.report.exit import EXITS, exit_status
from saltern.report.note import marker, note
from saltern.report.report import Report, unfinished

__all__ = ["EXITS", "Report", "exit_status", "marker", "note", "unfinished"]
