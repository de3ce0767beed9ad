"""Whose fault a refusal is: by what servers say, in the shapes in which they say it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.servers.refusals import fault_of, read_error


def openai(message: str, **fields: Any) -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error", **fields}}


TOO_LONG = [
    (422, {"error": "Input validation error: `inputs` must have less than 512 tokens. Given: 700"}),
    (400, openai("This model's maximum context length is 4096 tokens, however you requested 5000.", param="messages")),
    (400, openai("Too large", code="context_length_exceeded")),
    (
        400,
        openai("'max_tokens' is too large: 900. The maximum context length is 2048 and your request has 1500 tokens."),
    ),
    (400, openai("the request exceeds the available context size", type="exceed_context_size_error")),
    (400, {"type": "error", "error": {"message": "prompt is too long: 210000 tokens > 200000 maximum"}}),
    (
        422,
        {
            "error": "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 2048",
            "error_type": "validation",
        },
    ),
    (413, "Payload too large"),
    (400, openai("Please reduce the length of the messages.")),
    (400, openai("Range of input length should be [1, 30720]")),
    (429, openai("Request too large for m on tokens per min (TPM): Limit 8000, Requested 9000")),
    (500, openai("Input is too long for requested model.")),
]
FILTERED = [
    (
        400,
        openai("The response was filtered", code="content_filter", innererror={"code": "ResponsibleAIPolicyViolation"}),
    ),
    (403, openai("Your input was flagged", metadata={"reasons": ["violence"], "flagged_input": "…"})),
    (400, openai("Input data may contain inappropriate content.", code="data_inspection_failed")),
    (400, {"message": "Content Exists Risk"}),
    (422, {"detail": "Blocked by our guardrail"}),
    (451, openai("This request violates our usage policies.")),
    (400, openai("Failed to generate JSON. Please adjust your prompt.", code="json_validate_failed")),
    (400, json.dumps({"error": json.dumps({"message": "moderation"})})),
]
RUN = [
    (401, openai("no")),
    (402, openai("Insufficient credits")),
    (403, openai("Invalid API key")),
    (404, openai("The model 'm' does not exist")),
    (405, "Method not allowed"),
    (
        400,
        [
            {
                "error": {
                    "code": 400,
                    "message": "API key not valid. Please pass a valid API key.",
                    "status": "INVALID_ARGUMENT",
                }
            }
        ],
    ),
    (400, openai("Your credit balance is too low to access this API.")),
    (400, openai("Invalid model: m")),
    (400, {"detail": "model `m` not found"}),
    (403, openai("Country, region, or territory not supported", code="unsupported_country_region_territory")),
    (
        429,
        openai(
            "You exceeded your current quota, please check your plan and billing details.", code="insufficient_quota"
        ),
    ),
    (501, "not implemented"),
    (400, openai("Budget has been exceeded! Current cost: 3.1, max budget: 3", type="budget_exceeded")),
    (400, openai("Your organization has been restricted.", code="organization_restricted")),
    (429, openai("Insufficient balance to generate more tokens")),
]
PASSING = [
    (429, openai("Rate limit reached for m", code="rate_limit_exceeded")),
    (408, ""),
    (409, "locked"),
    (424, {"error": "Request failed during generation", "error_type": "generation"}),
    (429, openai("You exceeded your current quota, please check your plan and billing details. Please retry in 7 s.")),
    (500, openai("The server had an error")),
    (502, "<html>Bad gateway</html>"),
    (503, openai("overloaded")),
    (529, openai("overloaded_error")),
]
UNCLEAR = [
    (400, openai("Bad request")),
    (400, ""),
    (422, {"detail": "Unprocessable"}),
    (403, "<html>Forbidden</html>"),
    (400, openai("We could not parse the JSON body of your request.")),
    (404, openai("No endpoints found that can handle the requested parameters.")),
]


@pytest.mark.parametrize(
    ("fault", "status", "body"),
    [
        *(("too long", *case) for case in TOO_LONG),
        *(("prompt", *case) for case in FILTERED),
        *(("run", *case) for case in RUN),
        *(("passing", *case) for case in PASSING),
        *(("unclear", *case) for case in UNCLEAR),
    ],
)
def test_the_fault_of_a_refusal(fault: str, status: int, body: Any) -> None:
    assert fault_of(read_error(status, body)) == fault


def test_what_a_server_echoes_of_the_prompt_says_nothing() -> None:
    detail = {"loc": ["body", "x"], "msg": "Extra inputs", "input": {"messages": "content_filter, API key not valid"}}
    assert fault_of(read_error(422, {"detail": [detail]})) == "unclear"


@given(
    st.integers(400, 599),
    st.recursive(
        st.none() | st.text() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    ),
)
def test_no_body_breaks_the_reader(status: int, body: Any) -> None:
    fault_of(read_error(status, body))
    fault_of(read_error(status, json.dumps(body)))
