"""The state that all parts of one server share."""

from __future__ import annotations

import attrs
import trio

from zelitrio.accounts import Accounts, History
from zelitrio.errors import EngineError, RemoteError, ServerError, SettingError
from zelitrio.server.auth import KeyRing, TokenStore, make_authenticate
from zelitrio.server.clients import Clients
from zelitrio.server.descriptors import connections_possible
from zelitrio.server.dictionary_store import DictionaryStore
from zelitrio.server.keep_alive import KeepAlive
from zelitrio.server.metrics import Metrics, ServedEngine
from zelitrio.server.origins import Origins
from zelitrio.server.places import Places
from zelitrio.server.quiet_log import get_log
from zelitrio.server.recording import make_recorder
from zelitrio.server.tracing import Tracing
from zelitrio.session import Service, Turns, encoding_threads
from zelitrio.settings import ServerSettings, SessionSettings
from zelitrio.text import Dictionaries, FrontEnd

log = get_log()


@attrs.frozen(eq=False)
class Access:
    """Decides who may use the server.

    Attributes:
        accounts: the keys and their usage.
        keys: finds the account of a credential.
        tokens: single-use tokens, which a browser has instead of a key.
        origins: origins of web pages that may use the server.
    """

    accounts: Accounts
    keys: KeyRing
    tokens: TokenStore
    origins: Origins


@attrs.define(eq=False)
class ServerState:
    """The parts of one server, and whether it is ending."""

    engine: ServedEngine
    settings: ServerSettings
    service: Service
    access: Access
    clients: Clients
    places: Places
    metrics: Metrics
    dictionaries: DictionaryStore
    tracing: Tracing
    keep_alive: KeepAlive
    history: History | None
    """None: no history is kept."""
    failure: EngineError | ServerError | None = None
    """The failure that ends the server."""

    @property
    def is_ready(self) -> bool:
        """Whether new conversations are accepted."""
        return self.failure is None and not self.service.drain.is_set()

    def check_ready(self) -> None:
        """Refuse a new conversation while draining.

        Raises:
            RemoteError: `service_restart`.
        """
        if not self.is_ready:
            raise RemoteError("service_restart", "The server is restarting. Please try again.")


def make_state(
    engine: ServedEngine,
    front_end: FrontEnd,
    settings: ServerSettings,
    session_settings: SessionSettings,
    drain: trio.Event,
    dictionaries: Dictionaries | None = None,
) -> ServerState:
    """Make the parts of a server.

    Raises:
        SettingError: settings contradict each other.
    """
    offered = Dictionaries(front_end) if dictionaries is None else dictionaries
    metrics = Metrics(engine, logs_text=settings.log_text)
    history = _history(settings)
    accounts = Accounts(
        settings.state_dir,
        settings.api_key_hashes,
        watcher=metrics,
        record=None if history is None else make_recorder(history),
    )
    metrics.keys.usage_lag_s.set_function(accounts.lag_s)
    keys = KeyRing(accounts)
    tokens = TokenStore(trio.current_time)
    tracing = Tracing(settings, lambda: engine.statistics().load)
    service = Service(
        engine,
        front_end,
        session_settings,
        authenticate=make_authenticate(keys, tokens),
        observer=metrics,
        turns=Turns(encoding_threads()),
        drain=drain,
        dictionaries=offered,
        open_trace=tracing.open_stream,
    )
    return ServerState(
        engine=engine,
        settings=settings,
        service=service,
        access=Access(accounts, keys, tokens, Origins(settings)),
        clients=Clients(_connections(settings), metrics.doors.connections.set),
        places=Places(settings),
        metrics=metrics,
        dictionaries=DictionaryStore(settings.state_dir, offered),
        tracing=tracing,
        keep_alive=KeepAlive(settings.ping_s),
        history=history,
    )


def _history(settings: ServerSettings) -> History | None:
    if not settings.history:
        return None
    if settings.state_dir is None:
        raise SettingError("expected a state_dir to keep it in, found none", "history")
    return History(settings.state_dir, settings.history_days, 1_000_000 * settings.history_mb)


def _connections(settings: ServerSettings) -> int:
    """The number of connections in the settings, or fewer if there are not enough descriptors."""
    possible = connections_possible()
    if possible is None or possible >= settings.max_connections:
        return settings.max_connections
    log.warning(
        "too_few_descriptors",
        max_connections=settings.max_connections,
        possible=possible,
        hint="raise the hard limit of open files (ulimit -Hn)",
    )
    return possible
