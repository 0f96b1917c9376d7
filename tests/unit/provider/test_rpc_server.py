"""A plugin behind a real gRPC channel, spoken to as the engine speaks to it."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import grpc
import pytest
from google.protobuf import empty_pb2

from provider.rpc import (
    UNKNOWN,
    Failure,
    InvalidArguments,
    PartialFailure,
    Plugin,
    Properties,
    Refused,
    Resource,
    Secret,
    operation,
    plain,
)
from provider.rpc.faults import log_path
from provider.rpc.proto import provider_pb2, provider_pb2_grpc, status_pb2
from provider.rpc.server import OPTIONS, start
from provider.rpc.wire import decode, encode

pytestmark = pytest.mark.unit

URN = "urn:pulumi:dev::proj::hearth:layer:Parent$pets:index:Pet::rex::the::dog"


class Pet(Resource):
    required = ("species",)
    defaults: ClassVar = {"legs": 4}
    replace_on = ("species",)
    computed = ("name",)
    secret_outputs = ("name",)

    def __init__(self) -> None:
        self.waiting = threading.Event()

    def create(
        self, inputs: Properties, preview: bool, timeout: float, /
    ) -> tuple[str, Properties]:
        if preview:
            return "", self.planned(inputs)
        species = plain(inputs)["species"]
        if species == "dragon":
            raise Refused("no dragons: the shelter has no fire insurance")
        if species == "ghost":
            raise KeyError("canary-in-a-message")
        if species == "egg":
            raise PartialFailure("7", {"species": "egg"}, ["it has not hatched"])
        if species == "cat":
            self.waiting.set()
            operation.current().wait(timeout or 60)
        if species == "shy":
            return "3", {"name": UNKNOWN}
        return "1", {**plain(inputs), "name": "rex", "timeout": timeout}

    def update(
        self,
        _identity: str,
        olds: Properties,
        news: Properties,
        _preview: bool,
        _timeout: float,
        /,
    ) -> Properties:
        return self.planned(news, olds)

    def read(
        self, identity: str, state: Properties, inputs: Properties, /
    ) -> tuple[str | None, Properties, Properties]:
        return (None, {}, {}) if identity == "gone" else (identity, state, inputs)

    def delete(self, _identity: str, _state: Properties, _timeout: float, /) -> None:
        raise Refused("they never leave")


def hours(args: Properties) -> Properties:
    if args["day"] == "never":
        raise InvalidArguments([Failure("day", "is no day")])
    return {"hours": args["day"]}


class Shelter:
    """A plugin and the channel to it."""

    def __init__(self, log: Path) -> None:
        self.pet = Pet()
        self.log = log
        self.configs: list[Properties] = []
        plugin = Plugin(
            name="pets",
            version="1.2.3",
            configure=self.configs.append,
            resources={"pets:index:Pet": self.pet},
            functions={"pets:index:hours": hours},
        )
        self.server, port = start(plugin, None, log)
        self.channel = grpc.insecure_channel(f"127.0.0.1:{port}", options=OPTIONS)
        self.stub = provider_pb2_grpc.ResourceProviderStub(self.channel)

    def create(
        self, inputs: Properties, *, preview: bool = False, timeout: float = 0
    ) -> provider_pb2.CreateResponse:
        response: provider_pb2.CreateResponse = self.stub.Create(
            provider_pb2.CreateRequest(
                urn=URN, properties=encode(inputs), preview=preview, timeout=timeout
            )
        )
        return response

    def fails(self, inputs: Properties, *, timeout: float = 0) -> grpc.RpcError:
        with pytest.raises(grpc.RpcError) as caught:
            self.create(inputs, timeout=timeout)
        return caught.value

    def close(self) -> None:
        self.channel.close()
        self.server.stop(None).wait()


@pytest.fixture
def shelter(tmp_path: Path) -> Iterator[Shelter]:
    shelter = Shelter(tmp_path / "logs" / "pets.log")
    yield shelter
    shelter.close()


def test_the_handshake_and_plugin_info_are_answered(shelter: Shelter) -> None:
    shake = shelter.stub.Handshake(provider_pb2.ProviderHandshakeRequest())
    assert shake.accept_secrets
    assert not shake.accept_resources
    assert shelter.stub.GetPluginInfo(empty_pb2.Empty()).version == "1.2.3"


def test_check_fills_in_defaults_and_reports_what_is_missing(shelter: Shelter) -> None:
    request = provider_pb2.CheckRequest(urn=URN, news=encode({"age": Secret(3)}))
    response = shelter.stub.Check(request)
    assert decode(response.inputs) == {"age": Secret(3), "legs": 4}
    assert [item.property for item in response.failures] == ["species"]


def test_a_preview_of_a_create_has_no_id_and_unknown_outputs(shelter: Shelter) -> None:
    response = shelter.create({"species": "dog"}, preview=True)
    assert response.id == ""
    assert decode(response.properties) == {"species": "dog", "name": Secret(UNKNOWN)}


def test_secret_inputs_and_declared_outputs_come_back_secret(shelter: Shelter) -> None:
    response = shelter.create({"species": "dog", "chip": Secret("x")}, timeout=30)
    outputs = decode(response.properties)
    assert response.id == "1"
    assert outputs["chip"] == Secret("x")
    assert outputs["name"] == Secret("rex")
    assert outputs["timeout"] == 30


def test_a_refusal_reaches_the_user_as_its_own_sentence(shelter: Shelter) -> None:
    error = shelter.fails({"species": "dragon"})
    assert error.code() is grpc.StatusCode.UNKNOWN
    assert error.details() == "no dragons: the shelter has no fire insurance"


def test_a_fault_names_the_log_and_hides_its_message(shelter: Shelter) -> None:
    error = shelter.fails({"species": "ghost"})
    details = str(error.details())
    assert "the pets plugin failed in Create of rex::the::dog (KeyError)" in details
    assert str(shelter.log) in details
    assert "canary" not in details
    assert "canary-in-a-message" in shelter.log.read_text()
    assert shelter.log.stat().st_mode & 0o777 == 0o600


def test_a_partial_failure_carries_what_the_engine_must_keep(shelter: Shelter) -> None:
    error = shelter.fails({"species": "egg"})
    metadata = {item.key: item.value for item in error.trailing_metadata()}
    status = status_pb2.Status.FromString(bytes(metadata["grpc-status-details-bin"]))
    detail = provider_pb2.ErrorResourceInitFailed()
    assert status.details[0].Unpack(detail)
    assert (detail.id, list(detail.reasons)) == ("7", ["it has not hatched"])


def test_an_output_that_stays_unknown_is_a_fault_of_the_plugin(shelter: Shelter) -> None:
    shelter.fails({"species": "shy"})
    assert "outputs still unknown after a real run: name" in shelter.log.read_text()


def test_cancel_wakes_an_operation_that_waits(shelter: Shelter) -> None:
    failures: list[grpc.RpcError] = []
    call = threading.Thread(target=lambda: failures.append(shelter.fails({"species": "cat"})))
    call.start()
    assert shelter.pet.waiting.wait(5)
    shelter.stub.Cancel(empty_pb2.Empty())
    call.join(5)
    assert failures[0].details() == "cancelled"


def test_the_users_timeout_ends_a_wait(shelter: Shelter) -> None:
    assert "timed out" in str(shelter.fails({"species": "cat"}, timeout=0.05).details())


def test_a_diff_names_the_replaced_property(shelter: Shelter) -> None:
    response = shelter.stub.Diff(
        provider_pb2.DiffRequest(
            urn=URN,
            id="1",
            old_inputs=encode({"species": "dog", "toys": ["ball"]}),
            news=encode({"species": "cat", "toys": ["ball", "bone"]}),
        )
    )
    assert response.changes == provider_pb2.DiffResponse.DIFF_SOME
    assert list(response.replaces) == ["species"]
    assert response.detailedDiff["species"].kind == provider_pb2.PropertyDiff.UPDATE_REPLACE
    assert response.detailedDiff["toys[1]"].kind == provider_pb2.PropertyDiff.ADD


def test_reading_what_is_gone_gives_an_empty_id(shelter: Shelter) -> None:
    assert shelter.stub.Read(provider_pb2.ReadRequest(urn=URN, id="gone")).id == ""


def test_reading_keeps_what_was_secret_in_state(shelter: Shelter) -> None:
    state = encode({"species": "dog", "name": "rex", "chip": Secret("x")})
    response = shelter.stub.Read(provider_pb2.ReadRequest(urn=URN, id="1", properties=state))
    outputs = decode(response.properties)
    assert (outputs["chip"], outputs["name"]) == (Secret("x"), Secret("rex"))


def test_a_function_answers_and_refuses(shelter: Shelter) -> None:
    def ask(day: object) -> provider_pb2.InvokeResponse:
        arguments = encode({"day": day})
        request = provider_pb2.InvokeRequest(tok="pets:index:hours", args=arguments)
        response: provider_pb2.InvokeResponse = shelter.stub.Invoke(request)
        return response

    assert decode(getattr(ask(Secret("monday")), "return")) == {"hours": "monday"}
    assert [failure.reason for failure in ask("never").failures] == ["is no day"]
    assert not ask(UNKNOWN).HasField("return")


def test_a_token_that_does_not_exist_is_answered_with_those_that_do(shelter: Shelter) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        shelter.stub.Invoke(provider_pb2.InvokeRequest(tok="pets:index:feed"))
    assert "has no function pets:index:feed; it has: pets:index:hours" in str(
        caught.value.details()
    )


def test_nothing_is_asked_of_resources_while_the_configuration_is_unknown(
    shelter: Shelter,
) -> None:
    shelter.stub.Configure(provider_pb2.ConfigureRequest(args=encode({"url": UNKNOWN})))
    assert shelter.configs == []
    check = shelter.stub.Check(provider_pb2.CheckRequest(urn=URN, news=encode({"a": 1})))
    assert decode(check.inputs) == {"a": 1}
    assert decode(shelter.create({"species": "dragon"}, preview=True).properties) == {}
    shelter.stub.Configure(provider_pb2.ConfigureRequest(args=encode({"url": Secret("u")})))
    assert shelter.configs == [{"url": "u"}]


def test_state_larger_than_grpcs_own_limit_passes(shelter: Shelter) -> None:
    text = "x" * (6 << 20)
    outputs = decode(shelter.create({"species": "dog", "config": text}).properties)
    assert outputs["config"] == text


def test_the_log_is_where_the_environment_says_or_in_the_users_state_folder() -> None:
    chosen = {"HEARTH_PLUGIN_LOGS": "/lab/logs", "XDG_STATE_HOME": "/state"}
    assert log_path("pets", chosen) == Path("/lab/logs/pets.log")
    assert log_path("pets", {"XDG_STATE_HOME": "/s"}) == Path("/s/hearth/plugins/pets.log")
