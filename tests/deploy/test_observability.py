"""Dashboard, alerts and what Prometheus scrapes, held against the figures that servers really have."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from tests.server.fleet import Fleet

from vultus.bench.server import ServerProcess
from vultus.settings import Settings

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "compose"
DASHBOARD = json.loads((FOLDER / "observability/grafana/dashboards/vultus.json").read_text())
ALERTS = FOLDER / "observability" / "alerts.yml"
RULES = yaml.safe_load(ALERTS.read_text())["groups"][0]["rules"]
QUERIES = [target for panel in DASHBOARD["panels"] for target in panel["targets"]]
EXPRESSIONS = [target["expr"] for target in QUERIES] + [rule["expr"] for rule in RULES]

Exposed = dict[str, set[str]]
"""Name of a series -> its labels."""


def exposed(text: str) -> Exposed:
    """What a server tells; families that have not counted yet are there without labels."""
    found: Exposed = {}
    for family in text_string_to_metric_families(text):
        found.setdefault(family.name + ("_total" if family.type == "counter" else ""), set())
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory, squares: Callable[..., bytes]) -> Iterator[Exposed]:
    """Of a server with an accelerator, and of one with workers, one of which was killed."""
    settings = Settings.model_validate({"runtime": "dummy", "device": "simulated"})
    with ServerProcess(settings) as server:
        server.wait_ready()
        files = {"file": squares((3, 3))}
        assert httpx.post(f"{server.url}/v1/faces", timeout=60, files=files).status_code == 200
        found = exposed(httpx.get(f"{server.url}/metrics", timeout=60).text)
    with Fleet(tmp_path_factory.mktemp("fleet")) as fleet:
        fleet.wait_for("ready: 2 workers")
        os.kill(min(fleet.pids()), signal.SIGKILL)
        fleet.wait_until(lambda: "vultus_workers_replaced_total{" in httpx.get(f"{fleet.url}/metrics", timeout=60).text)
        yield exposed(httpx.get(f"{fleet.url}/metrics", timeout=60).text) | found


@pytest.mark.integration
@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_what_is_asked_for_is_told(expression: str, figures: Exposed) -> None:
    names = set(re.findall(r"\bvultus_\w+", expression))
    assert names or expression.startswith("up{")
    assert names <= figures.keys()
    grouped = {label.strip() for labels in re.findall(r"by \(([^)]*)\)", expression) for label in labels.split(",")}
    chosen = set(re.findall(r'[{,](\w+)=~?"', expression))
    for name in names:
        if figures[name]:
            assert (grouped | chosen) - {"instance", "job", "le"} <= figures[name]


@pytest.mark.integration
def test_every_figure_is_shown_somewhere(figures: Exposed) -> None:
    shown = {name for expression in EXPRESSIONS for name in re.findall(r"\bvultus_\w+", expression)}
    own = {re.sub(r"_(bucket|sum|count)$", "", name) for name in figures if not name.endswith("_created")}
    missing = own - {re.sub(r"_(bucket|sum|count)$", "", name) for name in shown}
    assert not {name for name in missing if name.startswith("vultus_")}


@pytest.mark.unit
@pytest.mark.parametrize("target", QUERIES, ids=lambda target: target["legendFormat"] or "one figure")
def test_a_legend_names_labels_that_the_query_keeps(target: dict[str, Any]) -> None:
    kept = {label.strip() for labels in re.findall(r"by \(([^)]*)\)", target["expr"]) for label in labels.split(",")}
    assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= kept


@pytest.mark.unit
def test_panels_have_a_place_each() -> None:
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    places = [panel["gridPos"] for panel in panels]
    assert all(place["x"] + place["w"] <= 24 for place in places)
    for one, other in combinations(places, 2):
        apart = [
            one[start] + one[length] <= other[start] or other[start] + other[length] <= one[start]
            for start, length in (("x", "w"), ("y", "h"))
        ]
        assert any(apart), (one, other)
    assert {panel["datasource"]["uid"] for panel in panels} == {"${source}"}


@pytest.mark.unit
def test_the_dashboard_finds_its_source() -> None:
    source = yaml.safe_load((FOLDER / "observability/grafana/provisioning/datasources/prometheus.yml").read_text())
    (variable,) = (item for item in DASHBOARD["templating"]["list"] if item["name"] == "source")
    assert variable["current"]["value"] == source["datasources"][0]["uid"]
    services = yaml.safe_load((FOLDER / "observability.yml").read_text())["services"]
    assert "prometheus" in services
    assert source["datasources"][0]["url"] == "http://prometheus:9090"
    (provider,) = yaml.safe_load((FOLDER / "observability/grafana/provisioning/dashboards/vultus.yml").read_text())[
        "providers"
    ]
    assert f"./observability/grafana/dashboards:{provider['options']['path']}:ro" in services["grafana"]["volumes"]


@pytest.mark.unit
def test_prometheus_asks_every_server_of_the_compose_files() -> None:
    scraped = yaml.safe_load((FOLDER / "observability" / "prometheus.yml").read_text())["scrape_configs"]
    names = {name for job in scraped for source in job["dns_sd_configs"] for name in source["names"]}
    for file in ("cpu", "gpu", "gpus"):
        assert set(yaml.safe_load((FOLDER / f"{file}.yml").read_text())["services"]) <= names


@pytest.mark.unit
def test_an_alert_says_how_bad_it_is_and_where() -> None:
    assert len({rule["alert"] for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert rule["labels"]["severity"] in {"warning", "critical"}
        assert "{{ $labels.instance }}" in rule["annotations"]["summary"]


@pytest.mark.unit
def test_it_is_also_told_where_prometheus_finds_no_server_at_all() -> None:
    (down,) = (rule["expr"] for rule in RULES if rule["alert"] == "VultusDown")
    assert 'absent(up{job="vultus"})' in down
