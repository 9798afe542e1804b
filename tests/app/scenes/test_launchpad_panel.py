"""The launchpad's scene: transport, panel and menus."""

import pygame

from app.widgets.painter import Painter


def test_space_starts_with_the_count_in_that_is_wanted_and_stops(one):
    one.key(pygame.K_n, pygame.KMOD_LCTRL)
    one.key(pygame.K_SPACE, text=" ")
    one.key(pygame.K_SPACE, text=" ")
    assert [call for call in one.launchpad.calls if call[0] in ("start", "stop")] == [
        ("start", 1),
        ("stop", False),
    ]


def test_the_tempo_is_dragged_typed_and_reset_by_a_double_click(one):
    tempo = one.scene.transport.tempo.rect
    one.click(tempo.right - 12, tempo.centery)
    assert one.launchpad.song.arrangement.tempo_bpm > 200
    one.frame()
    one.key(pygame.K_MINUS, text="-")
    one.click(tempo.x + 30, tempo.centery, count=2)
    assert one.launchpad.song.arrangement.tempo_bpm == 120


def test_tempo_keys_pressed_faster_than_they_are_shown_all_count(one):
    for _ in range(7):
        one.scene.actions["tempo_up"]()
    one.scene.actions["tempo_down"]()
    assert one.launchpad.song.arrangement.tempo_bpm == 126


def test_one_drag_of_a_slider_is_one_step_of_undo(one):
    swing = one.scene.panel.swing.controls[0][0].rect
    for kind, x in ((pygame.MOUSEBUTTONDOWN, swing.x + 20), (pygame.MOUSEMOTION, swing.x + 60),
                    (pygame.MOUSEMOTION, swing.x + 90), (pygame.MOUSEBUTTONUP, swing.x + 90)):  # fmt: skip
        pygame.event.post(pygame.event.Event(kind, pos=(x, swing.centery), button=1))
        one.frame()
    assert one.launchpad.song.arrangement.swing > 0.55
    one.key(pygame.K_z, pygame.KMOD_LCTRL)
    assert one.launchpad.song.arrangement.swing == 0.5


def test_the_header_shows_what_plays_and_sounds_here_and_not_what_follow_listens_to(one):
    one.frame()
    assert [chip.name() for chip in one.scene._chips] == ["No MIDI", "Scarlett 2i2", "No Launchpad"]
    one.click(*one.scene._chips[0].rect.center)
    assert one.window.menu.rect.right >= one.scene._chips[0].rect.x
    assert "Demo" not in [item.label for item in one.window.menu.items]


def test_votes_steer_the_agent(one):
    one.launchpad.press(3, 3)
    one.frame()
    one.click(*one.scene.panel.more.rect.center)
    one.key(pygame.K_LEFTBRACKET, text="[")
    assert [vote.weight for vote in one.launchpad.song.arrangement.votes] == [1, -1]


def test_without_an_agent_there_is_nothing_to_vote_on(one):
    one.launchpad.show(agent="")
    one.frame()
    assert not one.scene.panel.more.enabled
    assert one.scene.panel._next_words() == "no agent: you play alone"
    one.key(pygame.K_RIGHTBRACKET, text="]")
    assert "No agent plays along" in one.toasts[-1] and not one.launchpad.song.arrangement.votes


def test_an_agent_that_rests_is_not_voted_for(one):
    one.launchpad.set_pace(0)
    one.frame()
    one.key(pygame.K_RIGHTBRACKET, text="]")
    assert not one.scene.panel.more.enabled and not one.launchpad.song.arrangement.votes
    assert "The agent rests" in one.toasts[-1]
    one.launchpad.set_pace(2)
    one.frame()
    one.key(pygame.K_RIGHTBRACKET, text="]")
    assert len(one.launchpad.song.arrangement.votes) == 1


def test_the_tempo_is_ours_until_a_clock_leads(one):
    tempo = one.scene.transport.tempo
    for clock, ours in (("own", True), ("waiting", True), ("followed", False), ("lost", False)):
        one.launchpad.show(clock=clock)
        one.frame()
        assert tempo.enabled == ours


def test_the_first_reward_is_drawn(one, monkeypatch):
    for rewards, words in (((), ["nothing yet"]), ((-3.0,), []), ((-3.0, -2.0), [])):
        one.launchpad.show(rewards=rewards)
        one.frame()
        drawn: list[str] = []
        with monkeypatch.context() as patch:
            patch.setattr(Painter, "text", lambda painter, text, *rest, to=drawn: to.append(text))
            one.scene.panel.curve.draw(Painter(one.window.surface, 1.0), one.window.view())
        assert drawn == words


def test_menus_choose_key_sound_drums_start_and_pace(one):
    panel = one.scene.panel
    for control, downs in (
        (panel.tonic, 7),
        (panel.scale, 2),
        (panel.drums.controls[0][0], 3),
        (panel.start, 1),
    ):
        one.click(*control.rect.center)
        for _ in range(downs):
            one.key(pygame.K_DOWN)
        one.key(pygame.K_RETURN)
    one.key(pygame.K_q, text="q")
    now = one.launchpad.song.arrangement
    assert (now.tonic, now.scale, now.drums, now.pace) == (7, "minor", "break", 2)
    assert ("start_from", "triad") in one.launchpad.calls


def test_a_row_has_a_menu_with_its_own_sound(one):
    one.click(*one.scene.grid.cell_rect(6, -1).center)
    for _ in range(4):
        one.key(pygame.K_DOWN)
    one.key(pygame.K_RETURN)
    for _ in range(3):
        one.key(pygame.K_DOWN)
    one.key(pygame.K_RETURN)
    now = one.launchpad.song.arrangement
    assert {row for row in range(24) if now.voices[now.row_voices[row]] != 0} == {6}


def test_accents_are_drawn_with_the_mouse(one):
    bars = one.scene.panel.accents.controls[0][0].rect
    one.click(bars.x + 2, bars.bottom - 2)
    assert one.launchpad.song.arrangement.accents[0] < 20
