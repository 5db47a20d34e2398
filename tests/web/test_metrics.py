"""GET /metrics: right counts, and labels that no caller can make more of."""

import re


def figures(client):
    return client.get("/metrics").text


def test_requests_and_answers_are_counted(client_with):
    client = client_with()
    client.post("/disease", json={"text": "배가 아파요"})
    client.post("/disease", json={"texts": ["배가 아파요", "", "허리가 아파요"]})
    client.post("/disease", json={})
    text = figures(client)
    assert 'carepick_http_requests_total{method="POST",route="/disease",status="200"} 2.0' in text
    assert 'carepick_http_requests_total{method="POST",route="/disease",status="400"} 1.0' in text
    counted = re.findall(r'carepick_answers_total\{.*kind="disease".*\} (\d+)', text)
    assert sum(map(int, counted)) == 3
    assert 'carepick_http_request_seconds_count{route="/disease"} 3.0' in text


def test_strange_requests_share_one_label(client_with):
    client = client_with()
    for number in range(20):
        client.get(f"/nothing/{number}?text={number}")
        client.open("/healthz", method=f"METHOD{number}")
    text = figures(client)
    assert 'carepick_http_requests_total{method="GET",route="unmatched",status="404"} 20.0' in text
    assert 'method="OTHER",route="unmatched",status="405"} 20.0' in text


def test_metrics_can_be_switched_off(client_with):
    client = client_with(metrics=False)
    assert client.get("/metrics").status_code == 404
    assert client.post("/disease", json={"text": "배가 아파요"}).status_code == 200
