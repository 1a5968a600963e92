"""``hunar sms``: texts."""

from __future__ import annotations

import typer

from hunar.cli import sms_templates

application = typer.Typer(no_args_is_help=True, help="Texts to the groups.")
application.add_typer(sms_templates.application, name="templates")
