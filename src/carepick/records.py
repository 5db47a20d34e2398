"""The frozen records that pass between parts; no arrays, no Flask objects, no dictionaries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum


class Task(str, Enum):
    """A question that the model answers."""

    DISEASE = "disease"
    DEPARTMENT = "department"


class TriageLevel(str, Enum):
    """How urgent a text is, most urgent first; the values are those of the X-Carepick-Triage header."""

    EMERGENCY = "emergency"  # call 119 now
    CRISIS = "crisis"  # self-harm or suicide: 109, and 119 when in danger
    DANGER = "danger"  # violence by others: 112
    ER = "er"  # go to an emergency room now
    NONE = "none"


class Confidence(str, Enum):
    """How far the answer can be trusted; the values are those of the X-Carepick-Confidence header."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    ABSTAIN = "abstain"


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open range of code points in the text as it was typed."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class RaisedFlag:
    """A red flag that was raised: its id in the knowledge data, and the words that raised it.

    `spans` holds whole sentences where a model heard it in those. Where it heard it in the text as a whole, a diagnosis
    names the words that spoke for it most, and a prediction none.
    """

    id: str
    level: TriageLevel
    spans: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class Triage:
    """What triage heard: the most urgent level, its flags most urgent first, and the symptoms that were denied."""

    level: TriageLevel = TriageLevel.NONE
    flags: tuple[RaisedFlag, ...] = ()
    denied: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class ScoredLabel:
    """A disease or department with its calibrated probability, 0 to 1."""

    id: str
    name: str
    score: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """A span of words and its weight for (positive) or against (negative) one label, in log-odds."""

    span: Span
    weight: float


@dataclass(frozen=True, slots=True)
class TaskAnswer:
    """All answerable labels of one task, best first, with what can be said about how sure they are."""

    labels: Sequence[ScoredLabel]
    confidence: Confidence
    conformal_set: tuple[str, ...] = ()  # ids; holds the right label nine times out of ten
    model_version: str = ""


@dataclass(frozen=True, slots=True)
class Prediction:
    """The answer to one text."""

    tasks: dict[Task, TaskAnswer]
    triage: Triage = field(default_factory=Triage)
    confidence: Confidence = Confidence.HIGH
    windows: int = 1  # how many overlapping windows the text was split into
    truncated: bool = False  # whether words beyond the last window were left unread


@dataclass(frozen=True, slots=True)
class ExplainedLabel:
    """A label with its verbal band (가능성 높음 ...), and the words that spoke for and against it, strongest first."""

    label: ScoredLabel
    band: str
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class FlagNotice:
    """A raised flag in the caller's language: what to do, whom to call, and one question that confirms it."""

    flag: RaisedFlag
    name: str
    why: str
    action: str
    phone: str
    question: str
    source: str


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The whole answer of POST /diagnosis."""

    prediction: Prediction
    flags: tuple[FlagNotice, ...]
    departments: tuple[ExplainedLabel, ...]
    diseases: tuple[ExplainedLabel, ...]
    departments_withheld: bool
    add: tuple[str, ...]  # what the person could add: 부위, 언제부터, 얼마나
    advice: str  # when to go
    notices: tuple[str, ...]
