"""What a route of the labelling pages shows: the page of a template, for a seat."""

from collections.abc import Callable

from starlette.responses import Response

Show = Callable[..., Response]
