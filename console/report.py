"""`meshline report pilot`: the pilot report from the command line, for whoever holds the home.

What belongs here: making the page without a browser. What does not: its figures (`console.pilot`).
"""

from pathlib import Path

from console.access.policy import load_policy
from console.access.viewer import Viewer
from console.cache import Cache
from console.data import Data
from console.pages.pilot import CHART
from console.panel_files import load_panels
from console.pilot import choose_scope, read_pilot, render_report
from console.vocabulary import load_vocabulary
from console.web.standalone import report_style
from console.web.templating import environment
from orchestration.settings import Settings
from orchestration.warehouse.reader import open_published


def write_pilot(settings: Settings, segment: str, from_on: str, to_on: str, out: Path) -> Path:
    """Write the report to a file and return it.

    Raises:
        NothingPublished: No run has published in this home yet.
        UsageRefused: What is asked for makes no report.
    """
    policy = load_policy(settings)
    role = policy.roles["administrator"]
    viewer = Viewer(0, "command line", "", "administrator", role, None, (), "")
    with open_published(settings) as published:
        data = Data(published, viewer, Cache(10_000))
        report = read_pilot(data, choose_scope(data, segment, from_on, to_on))
    css = report_style()
    panel = load_panels(policy)[CHART]
    text = render_report(environment(), load_vocabulary(settings), panel, report, css)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text, encoding="utf-8")
    return out
