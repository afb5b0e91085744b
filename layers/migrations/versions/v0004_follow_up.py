"""Following up: rule books, missions and results, cases with their history, scores, coverage counts."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from layers.sqlite_file import keep_for_ever
from layers.tables import Moment

revision = "0004"
down_revision = "0003"

KEY = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    _books_and_missions()
    _cases()
    _scores_and_documents()
    _coverage_and_the_rest()


def _table(name: str, *columns: sa.Column[Any] | sa.Constraint, key: str = "id") -> None:
    op.create_table(name, *columns, sa.PrimaryKeyConstraint(*key.split(), name=f"pk_{name}"))


def _of(kind: Any, names: str) -> list[sa.Column[Any]]:
    """Columns of a type by name; ``!`` marks one that is never missing."""
    return [sa.Column(name.rstrip("!"), kind, nullable=not name.endswith("!")) for name in names.split()]


def _texts(names: str) -> list[sa.Column[Any]]:
    return _of(sa.Text, names)


def _books_and_missions() -> None:
    _table(
        "rule_books",
        *_texts("version! valid_from! valid_until sha256! stored_at!"),
        *_of(sa.JSON, "record!"),
        key="version",
    )
    _table(
        "missions",
        *_texts("name! kind! draw plan rules! created_at! starts_at! changed_at!"),
        *_of(sa.Integer, "revision!"),
        *_of(sa.JSON, "record!"),
        key="name",
    )
    _table(
        "results",
        *_of(KEY, "id!"),
        *_texts("mission! site! item! verdict!"),
        *_of(sa.Integer, "cases! inside_lines!"),
        sa.Column("fixed_on_site", sa.Integer, nullable=False, server_default="0"),
        *_texts("note"),
        *_of(sa.JSON, "photos!"),
        *_of(Moment, "at!"),
        *_texts("who!"),
        sa.ForeignKeyConstraint(["mission"], ["missions.name"], name="fk_results_mission"),
        sa.UniqueConstraint("mission", "site", "item", name="uq_results_mission_site_item"),
    )
    _table(
        "result_changes",
        *_of(KEY, "id!"),
        *_texts("mission! site! item!"),
        *_of(Moment, "at!"),
        *_texts("who!"),
        *_of(sa.JSON, "changes!"),
    )
    op.create_index("ix_result_changes_mission", "result_changes", ["mission"])
    keep_for_ever(op.get_bind(), "result_changes")


def _cases() -> None:
    _table(
        "cases",
        *_texts("issue! category! source! mission site site_type item lead_unit joint_units responsible"),
        *_texts("district community grid why rules! state! colour approver recurs merged_into note"),
        *_of(sa.Integer, "count! severity! rework!"),
        *_of(sa.BigInteger, "left_s"),
        *_of(Moment, "found_at! due_from deadline first_deadline fixed_at carded_at reported_at"),
        *_of(Moment, "rechecked_at closed_at suspended_at suspended_until handed_over_at withdrawn_at"),
        *_of(sa.Double, "lon! lat!"),
        *_of(sa.JSON, "photos!"),
        *_of(sa.Integer, "revision!"),
        key="issue",
    )
    for columns in (["state", "deadline"], ["found_at"], ["site", "category"]):
        op.create_index(f"ix_cases_{'_'.join(columns)}", "cases", columns)
    _table(
        "events",
        *_of(KEY, "id!"),
        *_texts("issue!"),
        *_of(Moment, "at! recorded_at!"),
        *_texts("who! action!"),
        *_of(sa.JSON, "changes!"),
        *_texts("note"),
        sa.ForeignKeyConstraint(["issue"], ["cases.issue"], name="fk_events_issue"),
    )
    for column in ("issue", "at"):
        op.create_index(f"ix_events_{column}", "events", [column])
    keep_for_ever(op.get_bind(), "events")
    _table("ticks", *_of(KEY, "id!"), *_of(Moment, "at!"), *_of(sa.JSON, "counts!"))
    _table(
        "overrides",
        *_of(KEY, "id!"),
        *_texts("category site area lead_unit joint_units why"),
        *_of(Moment, "at!"),
        *_texts("who!"),
        *_of(Moment, "removed_at"),
    )


def _scores_and_documents() -> None:
    _table(
        "typed_scores",
        *_of(sa.Integer, "year!"),
        *_texts("part!"),
        *_of(sa.Double, "score!"),
        *_texts("note"),
        *_of(Moment, "at!"),
        *_texts("who!"),
        key="year part",
    )
    _table(
        "negative_flags",
        *_of(KEY, "id!"),
        *_of(sa.Integer, "year!"),
        *_texts("subject! note!"),
        *_of(Moment, "at!"),
        *_texts("who!"),
        *_of(Moment, "removed_at"),
    )
    _table(
        "plaques",
        *_texts("until! since! unit! why!"),
        *_of(sa.JSON, "facts!"),
        *_of(Moment, "at!"),
        key="until",
    )
    _table(
        "bulletins",
        *_texts("until! period! since!"),
        *_of(sa.Integer, "number!"),
        *_of(Moment, "written_at!"),
        *_of(sa.JSON, "record!"),
        key="until period",
    )


def _coverage_and_the_rest() -> None:
    _table(
        "poster_counts",
        *_texts("site! theme!"),
        *_of(sa.Integer, "count! damaged!"),
        *_of(Moment, "at!"),
        *_texts("who!"),
        key="site theme",
    )
    _table(
        "household_rounds",
        *_texts("compound!"),
        *_of(sa.Integer, "round!"),
        *_texts("day!"),
        *_of(sa.Integer, "households"),
        *_of(Moment, "at!"),
        *_texts("who!"),
        key="compound round",
    )
    _table("tasks", *_texts("id! title! period due! unit done_at note"))
    _table("accesses", *_of(KEY, "id!"), *_of(Moment, "at!"), *_texts("who! what! subject!"))
    keep_for_ever(op.get_bind(), "accesses")
