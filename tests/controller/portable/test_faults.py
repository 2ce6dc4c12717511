"""The fault register on its own."""

from controller import faults, reasons


def test_a_fault_is_counted_and_told_the_1st_2nd_4th_time():
    register = faults.Faults()
    assert register.bits == 0
    told = [register.report(reasons.BAD_MAC) for _ in range(9)]
    assert told == [True, True, False, True, False, False, False, True, False]
    assert register.counts[reasons.BAD_MAC] == 9
    assert register.bits == 1 << reasons.BAD_MAC
    assert sum(register.counts.values()) == 9


def test_only_permanent_faults_block_and_outlive_an_arming():
    for row in faults.FAULTS:
        register = faults.Faults()
        register.report(row[faults.REASON])
        permanent = row[faults.KIND] == faults.PERMANENT
        assert register.blocked is permanent
        register.settle()
        assert register.blocked is permanent
        assert register.bits == (1 << row[faults.REASON] if permanent else 0)
        assert register.counts[row[faults.REASON]] == 1


def test_settling_one_leaves_the_others():
    register = faults.Faults()
    register.report(reasons.STORE)
    register.report(reasons.ENCLOSURE)
    register.report(reasons.DISCREPANCY)
    register.settle()
    assert register.bits == 1 << reasons.STORE


def test_a_lasting_fault_begins_once():
    register = faults.Faults()
    levels = [0, 1, 1, 0, 0, True, True, False, 1]
    began = [register.began(reasons.ENCLOSURE, level) for level in levels]
    assert began == [False, True, False, False, False, True, False, False, True]
    assert register.began(reasons.DISCREPANCY, True) is True
    assert register.began(reasons.ENCLOSURE, 1) is False


def test_when_each_trips():
    register = faults.Faults()
    assert register.trips(reasons.ENCLOSURE, False)
    assert register.trips(reasons.ENCLOSURE, True)
    assert not register.trips(reasons.BAD_MAC, False)
    assert register.trips(reasons.BAD_MAC, True)
    assert not register.trips(reasons.ACK_MISSING, True)
    assert not register.trips(reasons.ACK_MISSING, False)
