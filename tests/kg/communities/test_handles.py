from kg.communities.handles import assign_handles
from kg.schema import Community, Handle, make_id


def community(members, level=0):
    return Community(make_id("m", level, list(members)), level, "", tuple(members))


def handles(rows, old=(), before=()):
    return {handle.community_id: handle.id for handle in assign_handles(before, old, rows)}


def test_a_handle_is_short_and_comes_from_the_first_community_that_bears_it():
    row = community("abc")
    assert handles([row]) == {row.id: f"c{row.id[2:10]}"}


def test_a_community_that_changes_keeps_its_handle():
    one, two = community("abcdef"), community("uvwxyz")
    first = assign_handles((), (), [one, two])
    name = {handle.community_id: handle.id for handle in first}
    grown, shrunk = community("abcdefg"), community("uvwx")
    later = handles([shrunk, grown], [one, two], first)
    assert later == {grown.id: name[one.id], shrunk.id: name[two.id]}
    again = handles([one, two], [grown, shrunk], [Handle(name, key) for key, name in later.items()])
    assert again == name


def test_the_greatest_overlap_takes_the_handle():
    whole = community("abcdefghij")
    (first,) = assign_handles((), (), [whole])
    large, small = community("abcdefg"), community("hij")
    found = handles([small, large], [whole], [first])
    assert found[large.id] == first.id
    assert found[small.id] != first.id


def test_a_community_with_little_in_common_is_another_one():
    old, new = community("abcdefghij"), community("aklmnopqrs")
    (first,) = assign_handles((), (), [old])
    assert handles([new], [old], [first])[new.id] != first.id


def test_a_level_more_is_the_same_community():
    old, new = community("abc", level=0), community("abc", level=1)
    (first,) = assign_handles((), (), [old])
    assert handles([new], [old], [first]) == {new.id: first.id}


def test_no_two_communities_share_a_handle():
    old, new = community("abc"), community("abcd")
    (first,) = assign_handles((), (), [old])
    moved = assign_handles([first], [old], [new])
    both = assign_handles(moved, [new], [new, old])  # the first content comes back while another bears its handle
    assert len({handle.id for handle in both}) == 2
    assert Handle(first.id, new.id) in both
