"""The shape of modules and tests: documented, with nothing alive at module level, each test stating its one fact."""

import ast
import re
from collections import Counter

ALIVE = {
    "AIOKafkaConsumer",
    "AIOKafkaProducer",
    "AsyncClient",
    "Client",
    "ClientBuilder",
    "Database",
    "Event",
    "FastAPI",
    "Lifecycle",
    "Lock",
    "Producer",
    "Queue",
    "Semaphore",
    "Session",
    "Settings",
    "SystemClock",
    "TokenVerifier",
    "connect",
    "create_app",
    "create_engine",
    "create_pool",
    "get_event_loop",
    "load",
    "new_event_loop",
    "open",
}
"""Calls that make something with a connection, a loop, settings or state. Wiring makes these, never an import."""

TEST_NAME = re.compile(r"test(_[a-z0-9]+){2,5}")

EXPECTING = {
    "raises",
    "eventually",
    "wait_until",
    "timeout",
    "usefixtures",
    "call_and_validate",
    "run_state_machine_as_test",
    "validate",
}
"""Calls that can fail a test by themselves. `timeout` is a deadline; `usefixtures` names a fixture that checks."""


def calls_at_import(module):
    """Yield the calls that run when a module is imported."""
    waiting = list(ast.iter_child_nodes(module))
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Call):
            yield node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            waiting += [*node.decorator_list, *node.args.defaults, *(each for each in node.args.kw_defaults if each)]
        elif not isinstance(node, ast.Lambda) and not is_main_guard(node):
            waiting += ast.iter_child_nodes(node)


def is_main_guard(node):
    return isinstance(node, ast.If) and "__name__" in ast.unparse(node.test)


def name_of(call):
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def test_imports_make_nothing_alive(shipped):
    """No client, pool, app, loop, lock or settings object is made at module level."""
    alive = [
        f"{source.path}:{call.lineno}: {ast.unparse(call)}"
        for source in shipped
        for call in calls_at_import(source.module)
        if name_of(call) in ALIVE
    ]
    assert alive == []


def test_public_names_are_documented(shipped):
    """Each module and each of its public classes and functions has a docstring."""
    bare = [source.path for source in shipped if source.text.strip() and not ast.get_docstring(source.module)]
    for source in shipped:
        bare += [
            f"{source.path}: {node.name}"
            for node in source.module.body
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            and not node.name.startswith("_")
            and not ast.get_docstring(node)
        ]
    assert bare == []


HIDDEN = {"auth_token", "description", "hash_secret", "phone", "registration", "secret", "token"}
"""Fields of services' own values that may be personal or secret: what prints such a value must not print them."""


def test_values_hide_secrets(shipped):
    """A dataclass of a service leaves fields that may be personal or secret out of its repr."""
    shown = [
        f"{source.path}:{field.lineno}: {field.target.id}"
        for source in shipped
        if source.path.startswith("services/")
        for node in ast.walk(source.module)
        if isinstance(node, ast.ClassDef) and any("dataclass" in ast.unparse(each) for each in node.decorator_list)
        for field in node.body
        if isinstance(field, ast.AnnAssign) and field.target.id in HIDDEN
        if "repr=False" not in ast.unparse(field)
    ]
    assert shown == []


def test_tests_state_one_fact(python):
    """Every test has a docstring of one line."""
    bare = [
        f"{source.path}: {function.name}"
        for source in python
        if source.is_test
        for function in source.functions()
        if function.name.startswith("test_") and len((ast.get_docstring(function) or "\n").splitlines()) != 1
    ]
    assert bare == []


def test_names_have_few_words(python):
    """Every test's name has two to five words after `test_`."""
    other = [
        f"{source.path}: {function.name}"
        for source in python
        if source.is_test
        for function in source.functions()
        if function.name.startswith("test_") and not TEST_NAME.fullmatch(function.name)
    ]
    assert other == []


def test_each_test_asserts_something(python):
    """Every test can fail: it asserts, expects an error, or calls a helper that does."""
    idle = [
        f"{source.path}: {function.name}"
        for source in python
        if source.is_test
        for function in source.functions()
        if function.name.startswith("test_") and not says_something(function, source)
    ]
    assert idle == []


def says_something(function, source):
    helpers = {each.name: each for each in source.functions()}
    waiting, seen = [function], set()
    while waiting:
        for node in ast.walk(waiting.pop()):
            if isinstance(node, ast.Assert):
                return True
            name = name_of(node) if isinstance(node, ast.Call) else getattr(node, "id", "")
            if name in EXPECTING or name.startswith(("assert_", "check_")):
                return True
            if name in helpers and name not in seen:
                seen.add(name)
                waiting.append(helpers[name])
    return False


def test_test_folders_are_no_packages(files):
    """No folder of tests has an __init__.py: in importlib mode two of them would clash."""
    assert [each.path for each in files if "/tests/" in f"/{each.path}" and each.path.endswith("__init__.py")] == []


FOLDER_FILES_MAX = 12


def test_folders_stay_small(shipped):
    """No folder of a package holds more than twelve Python files; a larger one is split by subject."""
    sizes = Counter(source.path.rpartition("/")[0] for source in shipped)
    assert {folder: files for folder, files in sizes.items() if files > FOLDER_FILES_MAX} == {}
