"""Profiles, plan, runner and HTML reports: the suite that turns notebooks into a shelf of reports.

Nothing in here imports TensorFlow, so that listing a plan answers at once.
"""

import sys

# Whenever nbformat is imported, jsonschema would build a grammar of international web addresses,
# which takes 1 to 5 seconds. Without that package it leaves such addresses in notebooks unchecked.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
