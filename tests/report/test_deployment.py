"""The report of a deployment: known latencies in a bag come out as these very figures."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import numpy as np
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from claifo import cli
from claifo.bags.recorder import Recorder
from claifo.report import deployment
from claifo.report.ledger import STAGES, read
from claifo.resources import interfaces_dir

PERIOD_NS, START_NS = 50_000_000, 1_700_000_000 * 10**9
COUNT = 400


class Types:
    """Messages of claifo_msgs by plain rosbags."""

    def __init__(self) -> None:
        self.store = get_typestore(Stores.ROS2_JAZZY)
        for name in ('Action', 'SafetyStatus'):
            text = (interfaces_dir() / 'msg' / f'{name}.msg').read_text()
            self.store.register(get_types_from_msg(text, f'claifo_msgs/msg/{name}'))

    def header(self, stamp_ns: int):
        types = self.store.types
        stamp = types['builtin_interfaces/msg/Time'](*divmod(stamp_ns, 10**9))
        return types['std_msgs/msg/Header'](stamp, '')

    def action(self, stamp_ns: int, spans_ns=(0, 0, 0, 0), *, run=0, step=0, late=0, dropped=0):
        spans = {f'{stage}_ns': int(n) for stage, n in zip(STAGES, spans_ns, strict=True)}
        return self.store.types['claifo_msgs/msg/Action'](
            header=self.header(stamp_ns), run=run, session=0, step=step, weights_version=0,
            num_envs=1, data=np.zeros(2, np.float32), late=late, dropped=dropped, **spans,
        )  # fmt: skip

    def status(self, stamp_ns: int, state='running', reason='', requested=(), sent=()):
        asked, sent = np.array(requested, float), np.array(sent, float)
        return self.store.types['claifo_msgs/msg/SafetyStatus'](
            header=self.header(stamp_ns), state=state, reason=reason, names=['lift', 'turn'],
            requested=asked, sent=sent, clipped=asked != sent,
        )  # fmt: skip

    def write(self, path, messages):
        """Write (topic, time of recording, message)."""
        bag = Recorder(path)
        for topic, kind in {topic: m.__msgtype__ for topic, _, m in messages}.items():
            bag.add_topic(topic, kind)
        for topic, time_ns, message in messages:
            bag.write(topic, time_ns, self.store.serialize_cdr(message, message.__msgtype__))
        bag.close()
        return path


TYPES = Types()


def stages_ns(seed: int = 0, count: int = COUNT) -> np.ndarray:
    """What the four stages take, (count, 4): a log-normal of about 1, 2, 5 and 0.2 ms."""
    rng = np.random.default_rng(seed)
    return (rng.lognormal(0, 0.3, (count, 4)) * (1e6, 2e6, 5e6, 2e5)).astype(np.int64)


def actions(spans_ns: np.ndarray, topic='/action', start_ns=START_NS, late=(), **fields):
    """One action per period; ``late`` lists the counter."""
    told = []
    for k, spans in enumerate(spans_ns):
        stamp_ns = start_ns + k * PERIOD_NS
        counts = {'late': late[k]} if len(late) else {}
        message = TYPES.action(stamp_ns, spans, step=k, **counts, **fields)
        told.append((topic, int(stamp_ns + spans[-1]), message))
    return told


class Page(HTMLParser):
    """The rows of the tables, the tiles, and everything that would be loaded from elsewhere."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.rows, self.tiles, self.links, self.ids, self.text = [], {}, [], [], ''
        self._tag, self._value = '', ''
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self._tag = tag
        values = dict(attrs)
        self.links += [values[k] for k in ('src', 'href', 'xlink:href') if values.get(k)]
        self.ids += [values['id']] if 'id' in values else []
        if tag == 'tr':
            self.rows.append([])

    def handle_data(self, data):
        self.text += data if self._tag not in ('style', 'script') else ''
        if self._tag in ('th', 'td') or (self._tag == 'b' and self.rows and self.rows[-1] == []):
            self.rows[-1].append(data)
        elif self._tag == 'b':
            self._value = data
        elif self._tag == 'span':
            self.tiles[data] = self._value

    def handle_endtag(self, tag):
        self._tag = ''

    def row(self, name):
        (found,) = [row[1:] for row in self.rows if row and row[0] == name]
        return found


def page(bag, tmp_path) -> Page:
    return Page(deployment.build(bag, tmp_path / 'page.html').read_text())


def ms(values) -> list[str]:
    """p50, p99 and maximum by their definition: sorted, with linear interpolation."""
    ordered = sorted(values)

    def at(share):
        place = share * (len(ordered) - 1)
        low = int(place)
        high = min(low + 1, len(ordered) - 1)
        return ordered[low] + (place - low) * (ordered[high] - ordered[low])

    return [f'{value / 1e6:.2f}' for value in (at(0.5), at(0.99), ordered[-1])]


def test_each_stage_has_its_percentiles(tmp_path):
    took = stages_ns()
    since = took.cumsum(1)
    found = page(TYPES.write(tmp_path / 'bag', actions(since)), tmp_path)
    names = ['capture → received', 'received → preprocessed', 'preprocessed → inferred',
             'inferred → published']  # fmt: skip
    for k, name in enumerate(names):
        assert found.row(name) == ms(took[:, k]) + ms(since[:, k])
    assert found.row('capture → published')[:3] == ms(since[:, -1])
    assert found.tiles['actions'] == '400'


def test_rate_and_jitter_are_those_of_the_publications(tmp_path):
    since = stages_ns().cumsum(1)
    found = page(TYPES.write(tmp_path / 'bag', actions(since)), tmp_path)
    between = np.diff(np.arange(COUNT) * PERIOD_NS + since[:, -1]) / 1e6
    assert found.tiles['control rate'] == f'{1e3 / between.mean():.2f} Hz'
    assert found.tiles['jitter: std of the time between actions'] == f'{between.std():.2f} ms'


def test_a_pause_between_two_activations_is_no_control_interval(tmp_path):
    since = np.full((10, 4), 5_000_000)
    later = START_NS + 60 * 10**9
    bag = TYPES.write(tmp_path / 'bag', actions(since) + actions(since, start_ns=later))
    ledger = read(bag).ledgers['/action']
    assert ledger.intervals_ms().tolist() == [50.0] * 18


def test_counters_are_counted_from_the_first_message_and_over_restarts(tmp_path):
    since = np.full((6, 4), 5_000_000)
    bag = TYPES.write(tmp_path / 'bag', actions(since, late=[7, 7, 9, 9, 1, 2], dropped=4))
    assert read(bag).ledgers['/action'].counted() == {'late': 2 + 1 + 1, 'dropped': 0}


def test_what_the_safety_node_told(tmp_path):
    told = actions(np.full((4, 4), 5_000_000))
    first_ns = told[0][1]
    asked = [(1, 2), (1, 2), (3, 2), (0, 0)]
    sent = [(1, 2), (0.5, 2), (2, 1.75), (0, 0)]
    for k in range(4):
        stamp_ns = START_NS + k * PERIOD_NS
        status = TYPES.status(stamp_ns, requested=asked[k], sent=sent[k])
        told.append(('/safety/status', stamp_ns, status))
    fault_ns = first_ns + 2_340_000_000
    fault = TYPES.status(fault_ns, 'fault', 'camera <1> is silent')
    told.append(('/safety/status', fault_ns, fault))
    found = page(TYPES.write(tmp_path / 'bag', told), tmp_path)
    assert found.row('lift') == ['2', '50.0%', '1']
    assert found.row('turn') == ['1', '25.0%', '0.25']
    assert found.rows[-1] == ['2.34 s', 'camera <1> is silent']
    assert '4 commands were passed on' in found.text


def test_a_fault_told_by_a_node_without_ros_2_counts(tmp_path):
    """rosbags takes a comment behind a constant for a part of it, and such nodes send that."""
    told = actions(np.full((2, 4), 5_000_000))
    state = TYPES.store.types['claifo_msgs/msg/SafetyStatus'].FAULT
    assert state.startswith('fault')
    for again_ns in (0, 10**9):  # the node tells it again each second
        status = TYPES.status(START_NS + 9, state, 'estop')
        told.append(('/safety/status', START_NS + 9 + again_ns, status))
    (safety,) = read(TYPES.write(tmp_path / 'bag', told)).safety.values()
    assert safety.faults == [(START_NS + 9, 'estop')] and safety.commands == 0


def test_page_needs_nothing_else(tmp_path):
    since = stages_ns().cumsum(1)
    bag = TYPES.write(
        tmp_path / 'bag', actions(since) + actions(2 * since, topic='/shadow/action')
    )
    out = deployment.build(bag)
    assert out == bag / 'report.html'
    text, found = out.read_text(), Page(out.read_text())
    assert all(link.startswith(('data:', '#')) for link in found.links)
    assert not re.findall(r'(?:https?:)?//\w|url\((?!#)|@import', text)
    assert len(set(found.ids)) == len(found.ids) > 20
    assert 'Latency on /action' in text and 'Latency on /shadow/action' in text
    assert 'no messages of the safety node' in text
    assert len(text) < 500_000
    assert deployment.build(bag).read_text() == text  # the page in it is no part of the bag


def test_one_action_is_enough(tmp_path):
    found = page(TYPES.write(tmp_path / 'bag', actions(np.full((1, 4), 7_000_000))), tmp_path)
    assert found.tiles['actions'] == '1' and 'control rate' not in found.tiles


def test_a_bag_that_was_cut_off_says_so(tmp_path):
    bag = TYPES.write(tmp_path / 'bag', actions(stages_ns(count=2000).cumsum(1)))
    (file,) = bag.glob('*.mcap')
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    assert 'the recording was cut off' in page(bag, tmp_path).text


def claifo(capsys, *words) -> tuple[int, str, str]:
    code = cli.main(['report', *map(str, words)])
    return code, *capsys.readouterr()


def test_the_command_knows_a_bag_by_itself(tmp_path, capsys):
    bag = TYPES.write(tmp_path / 'bag', actions(stages_ns(count=9).cumsum(1)))
    assert claifo(capsys, bag) == (0, f'{bag}/report.html\n', '')
    (file,) = bag.glob('*.mcap')
    assert claifo(capsys, file)[:2] == (0, f'{file.with_suffix(".html")}\n')
    code, _, err = claifo(capsys, bag, '--control', 'c.csv')
    assert code == 2 and '--control is c.csv' in err


def test_a_bag_without_ledgers_says_what_to_record(tmp_path, capsys):
    other = TYPES.write(
        tmp_path / 'other', [('/safety/status', 1, TYPES.status(1, 'fault', 'estop'))]
    )
    code, _, err = claifo(capsys, other)
    assert code == 2 and err.count('\n') == 1
    assert 'no claifo_msgs/msg/Action in it; topics: /safety/status' in err
    assert "recorder_node with -p topics:=\"['action', 'safety/status']\"" in err
    answers = [('/action', 1, TYPES.action(START_NS, run=5)), ('/action', 2, TYPES.action(1))]
    code, _, err = claifo(capsys, TYPES.write(tmp_path / 'simulated', answers))
    assert code == 2 and '2 actions, but they answer a simulator' in err


def test_messages_of_another_version_are_refused(tmp_path, capsys):
    bag = Recorder(tmp_path / 'bag')
    bag.add_topic('/action', 'claifo_msgs/msg/Action')
    bag.write('/action', 1, b'\0\1\0\0' + bytes(20))
    bag.close()
    code, _, err = claifo(capsys, tmp_path / 'bag')
    assert code == 2 and '/action: a message is not the claifo_msgs/msg/Action' in err


def test_a_run_folder_stays_a_run_folder(tmp_path, capsys):
    run = tmp_path / 'run'
    TYPES.write(run / 'film', actions(stages_ns(count=9).cumsum(1)))
    (run / 'config.yaml').write_text('')
    code, _, err = claifo(capsys, run)
    assert code == 2 and 'metrics.jsonl is missing' in err
    assert 'no such folder' in claifo(capsys, tmp_path / 'absent')[2]
