"""What a change of the registry is told before it merges: findings, plan, guard rails, a vote."""

from saltern.review.reviewer import Reviewer, Told

__all__ = ["Reviewer", "Told"]
