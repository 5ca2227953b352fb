"""YAML loader: maps, lists and plain words only; no tag, no alias, no name twice."""

from __future__ import annotations

from typing import Any

from yaml import SafeLoader, nodes
from yaml.constructor import ConstructorError
from yaml.events import AliasEvent

from aethermodel.inputs.refusals import InputError, quoted
from aethermodel.inputs.written_words import MOST_DEEP, scalar

_TEXT, _WORD = "tag:yaml.org,2002:str", "!word"
_MAP, _LIST = "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"
_COLLECTIONS = {nodes.MappingNode: _MAP, nodes.SequenceNode: _LIST}


class PlainLoader(SafeLoader):  # type: ignore[misc]  # untyped
    """Reads a document's values as `aethermodel.inputs.written_words.scalar` reads words."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._deep = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Compose a node, but neither an alias (of which few make billions) nor a deep nest."""
        if self.check_event(AliasEvent):
            raise ConstructorError(None, None, "an alias", self.peek_event().start_mark)
        self._deep += 1
        if self._deep > MOST_DEEP:
            raise InputError(f"nested more than {MOST_DEEP} deep")
        node = super().compose_node(parent, index)
        self._deep -= 1
        return node

    def resolve(self, kind: Any, value: Any, implicit: Any) -> str:
        """Tell words from quoted texts; nothing else has a type."""
        if kind is nodes.ScalarNode:
            return _WORD if implicit[0] else _TEXT
        return _COLLECTIONS[kind]

    def flatten_mapping(self, node: Any) -> None:
        """Leave ``<<``, which merges another map in YAML 1.1, a name like any other."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[str, Any]:
        """Make a dict of names that are texts, each given once."""
        made: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(key, nodes.ScalarNode):
                raise ConstructorError(None, None, "a name that is no text", key.start_mark)
            if key.value in made:
                raise ConstructorError(
                    None, None, f"the name {quoted(key.value)} given twice", key.start_mark
                )
            made[key.value] = self.construct_object(value, deep=True)
        return made

    def _list(self, node: Any) -> list[Any]:
        return [self.construct_object(item, deep=True) for item in node.value]

    def _word(self, node: Any) -> Any:
        return None if node.value in ("", "~") else scalar(node.value)


# Whatever else a tag could ask for, SafeLoader's own numbers and dates among it, is undefined.
PlainLoader.yaml_constructors = {
    _WORD: PlainLoader._word,
    _TEXT: PlainLoader.construct_yaml_str,
    **dict.fromkeys([None], PlainLoader.construct_undefined),
    _MAP: PlainLoader.construct_mapping,
    _LIST: PlainLoader._list,
}
