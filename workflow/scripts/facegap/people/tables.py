"""The tables of a database of answers; `engine` says what they mean."""

import sqlalchemy as sa

META = sa.MetaData()
FACTS = sa.Table(  # kind and subject of the study, and which rounds are closed
    "facts",
    META,
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("value", sa.String, nullable=False),
)
SEATS = sa.Table(
    "seats",
    META,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("round", sa.String, nullable=False),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("token", sa.String, unique=True),  # its hash; none before the invitation
    sa.Column("consented", sa.Boolean, nullable=False, default=False),
    sa.Column("started", sa.Boolean, nullable=False, default=False),
    sa.Column("finished", sa.Boolean, nullable=False, default=False),
    sa.Column("withdrawn", sa.Boolean, nullable=False, default=False),
    sa.UniqueConstraint("round", "name"),
)
ITEMS = sa.Table(
    "items",
    META,
    sa.Column("seat", sa.ForeignKey(SEATS.c.id), primary_key=True),
    sa.Column("item", sa.String, primary_key=True),
    sa.Column("showing", sa.Integer, primary_key=True),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("position", sa.Integer, nullable=False),
)
EVENTS = sa.Table(
    "events",
    META,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("seat", sa.ForeignKey(SEATS.c.id), nullable=False, index=True),
    sa.Column("item", sa.String, nullable=False),
    sa.Column("showing", sa.Integer, nullable=False),
    sa.Column("what", sa.String, nullable=False),  # the answer, or skip, or undo
    sa.Column("details", sa.JSON, nullable=False),  # more that a kind of page asks
    sa.Column("seconds", sa.Float),
)
ANSWERS = sa.Table(  # which event counts
    "answers",
    META,
    sa.Column("seat", sa.ForeignKey(SEATS.c.id), primary_key=True),
    sa.Column("item", sa.String, primary_key=True),
    sa.Column("showing", sa.Integer, primary_key=True),
    sa.Column("event", sa.ForeignKey(EVENTS.c.id), nullable=False),
)
APART = sa.MetaData()  # what is made only where it is asked for, and nothing refers to
VISITORS = sa.Table(  # of those who came by the link for all
    "visitors",
    APART,
    sa.Column("seat", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("seen", sa.Integer, nullable=False),  # minutes since 1970: when they last came on
    sa.Column("outcome", sa.String),  # none while they are under way
)
RATERS = sa.Table(  # participants' own side of the boundary
    "raters",
    APART,
    sa.Column("seat", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("answer", sa.String, nullable=False),
)
EARLIER = ("participants", "showings")  # tables of the layouts before this one
PLACE = ("seat", "item", "showing")
