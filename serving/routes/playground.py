"""GET /: a page to try the models with a photograph. Everything it needs comes from this gateway."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse

FOLDER = Path(__file__).parent.parent / "playground"

router = APIRouter(include_in_schema=False)


@router.get("/")
async def page() -> FileResponse:
    """The page."""
    return FileResponse(FOLDER / "index.html")


@router.get("/playground/style.css")
async def style() -> FileResponse:
    """How it looks."""
    return FileResponse(FOLDER / "style.css")


@router.get("/playground/script.js")
async def script() -> FileResponse:
    """What it does."""
    return FileResponse(FOLDER / "script.js", media_type="text/javascript")
