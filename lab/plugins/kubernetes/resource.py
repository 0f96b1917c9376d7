"""Every Kubernetes kind as one Pulumi resource.

The state is the live object with the checked inputs beside it under `__inputs`, as the vendor's
plugin keeps it. Create is a create (an existing object is an error unless `upsertExistingObjects`),
update is a server-side apply, preview is a dry run where the cluster can be asked. Nothing here is
particular to a kind: those rules are in `kinds` and `readiness`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lab.plugins.kubernetes import (
    apply,
    difference,
    kinds,
    objects,
    shaping,
    waiting,
    wording,
)
from lab.plugins.kubernetes.checkpoint import Checkpoint, seal, unseal
from lab.plugins.kubernetes.client import ApiError, NoMatchError, UnreachableError
from lab.plugins.kubernetes.objects import Object
from lab.plugins.kubernetes.session import Session
from provider.rpc import Diff, Failure, PartialFailure, Properties, Refused, Resource, operation
from provider.rpc.wire import has_unknown, plain


class KubernetesObject(Resource):
    """One object of any kind. `session` gives the configured provider."""

    def __init__(self, session: Callable[[], Session]) -> None:
        self._session = session

    def check(self, olds: Properties, news: Properties) -> tuple[Properties, list[Failure]]:
        """Normalise, name and place the object."""
        call, session = operation.current(), self._session()
        if session.client is None and session.flag("skipUpdateUnreachable"):
            call.warn("Cluster is unreachable but skipUpdateUnreachable flag is set to true")
            return olds, []
        if kinds.is_list(call.type):
            raise Refused(wording.LISTS)
        inputs = shaping.normal(objects.to_kubernetes(plain(news)))
        old_inputs = objects.to_kubernetes(plain(olds))
        self._check_patch(inputs)
        inputs = shaping.named(inputs, old_inputs, call.name)
        gvk = objects.gvk_of(inputs)
        if not objects.given(objects.metadata(inputs).get("namespace")) and session.namespaced(gvk):
            meta = inputs.setdefault("metadata", {})
            if isinstance(meta, dict):
                meta["namespace"] = session.default_namespace
        if gvk.kind == "CustomResourceDefinition":
            session.remember_crd(inputs)
        return seal(objects.to_pulumi(inputs), news), []

    def _check_patch(self, inputs: Object) -> None:
        is_patch = kinds.is_patch(operation.current().type, str(inputs.get("kind")))
        server_side = self._session().flag("enableServerSideApply")
        meta = objects.metadata(inputs)
        if is_patch and not server_side:
            raise Refused(wording.PATCH_NEEDS_APPLY)
        has_name = objects.given(meta.get("name"))
        if is_patch and not has_name:
            raise Refused(wording.PATCH_NEEDS_NAME)
        if server_side and objects.given(meta.get("generateName")) and not has_name:
            raise Refused(wording.NO_GENERATE_NAME)

    def diff(
        self,
        id: str,  # noqa: A002
        olds: Properties,
        old_inputs: Properties,
        news: Properties,
        ignore: Sequence[str],
    ) -> Diff:
        """Compare the wanted object with the live one in the state, in the old inputs' shape."""
        del id, old_inputs
        session, state = self._session(), unseal(olds)
        wanted = shaping.normal(objects.to_kubernetes(plain(news)))
        shape = shaping.normal(state.inputs)
        before = objects.pruned(state.live, shape)
        gvk = objects.gvk_of(wanted)
        for obj in (before, wanted):
            shaping.canonical_namespace(obj, namespaced=session.namespaced(gvk))
            obj.setdefault("apiVersion", wanted.get("apiVersion"))
            obj.setdefault("kind", wanted.get("kind"))
        if objects.name_of(wanted):
            before.setdefault("metadata", {})["name"] = objects.name_of(state.live)
        found = difference.changes(before, wanted, self._replacing(wanted), ignore)
        live_namespace = objects.namespace_of(state.live)
        same_place = objects.name_of(wanted) == objects.name_of(state.live) and (
            objects.namespace_of(wanted) == live_namespace
        )
        named_by_hand = objects.given(
            objects.metadata(wanted).get("name")
        ) and not objects.annotated_true(wanted, objects.AUTONAMED)
        return Diff(
            replaces=found.replaces,
            detailed=found.detailed,
            delete_before_replace=bool(found.replaces) and named_by_hand and same_place,
        )

    def _replacing(self, wanted: Object) -> tuple[str, ...]:
        if kinds.is_patch(operation.current().type, str(wanted.get("kind"))):
            return kinds.IDENTITY
        session = self._session()
        return kinds.replacing_fields(
            objects.gvk_of(wanted),
            immutable=wanted.get("immutable") is True,
            config_map_mutable=session.flag("enableConfigMapMutable"),
            secret_mutable=session.flag("enableSecretMutable"),
        )

    def create(
        self,
        inputs: Properties,
        preview: bool,
        timeout: float,
    ) -> tuple[str, Properties]:
        """Create the object and wait for it; in a preview ask for a dry run if possible."""
        session, call = self._session(), operation.current()
        wanted = objects.to_kubernetes(plain(inputs))
        gvk = objects.gvk_of(wanted)
        is_patch = kinds.is_patch(call.type, gvk.kind)
        server_side = session.flag("enableServerSideApply")
        can_ask = session.exists(gvk) and not has_unknown(wanted)
        if preview and (not can_ask or is_patch or not server_side):
            return "", inputs
        manager = shaping.field_manager(wanted, None, server_side=server_side)
        request = apply.Request(session.reachable(), wanted, manager, preview=preview)
        upsert = server_side and (is_patch or session.flag("upsertExistingObjects"))
        force = session.flag("enablePatchForce") or preview
        try:
            live = apply.create(request, upsert=upsert, force=force)
        except NoMatchError as error:
            raise Refused(wording.no_such_kind("creation", call.urn, gvk, error)) from error
        except ApiError as error:
            if preview and apply.preview_cannot_tell(error):
                return "", inputs
            text = apply.explained(error, manager)
            raise Refused(wording.not_created(call.urn, text)) from error
        except UnreachableError as error:
            raise Refused(wording.not_created(call.urn, str(error))) from error
        if preview:
            live.pop("status", None)
            return "", Checkpoint(wanted, live, gvk.api_version, manager).sealed(inputs)
        return self._created(request, live, inputs, timeout)

    def _created(
        self, request: apply.Request, live: Object, inputs: Properties, timeout: float
    ) -> tuple[str, Properties]:
        state = Checkpoint(request.obj, live, str(request.obj.get("apiVersion")), request.manager)
        wait = waiting.Wait(request.client, request.obj, timeout)
        try:
            state.live = waiting.until_ready(wait, live, None)
        except waiting.NotReadyError as error:
            state.live = error.live
            raise PartialFailure(
                objects.identifier(live),
                state.sealed(inputs),
                [wording.created_not_live(operation.current().urn, error), *error.reasons],
            ) from error
        return objects.identifier(live), state.sealed(inputs)

    def read(
        self,
        id: str,  # noqa: A002
        state: Properties,
        inputs: Properties,
    ) -> tuple[str | None, Properties, Properties]:
        """The live object, mapped back into the shape of the inputs."""
        session, call = self._session(), operation.current()
        if session.client is None:
            return self._read_unreachable(id, state, inputs)
        before, shape = unseal(state), shaping.normal(objects.to_kubernetes(plain(inputs)))
        importing = not shape.get("kind") and not before.live.get("kind")
        gvk = kinds.of_token(call.type) if importing else objects.gvk_of(shape or before.live)
        namespace, name = objects.split_identifier(id)
        try:
            live = session.client.get(gvk, namespace, name)
        except NoMatchError:
            return None, {}, {}  # the CRD is gone, and every object with it
        except ApiError as error:
            if error.code == 404:
                return None, {}, {}
            raise Refused(str(error)) from error
        live_inputs = shaping.importable(live) if importing else objects.pruned(live, shape)
        manager = shaping.field_manager(
            shape, before.manager, server_side=session.flag("enableServerSideApply")
        )
        now = Checkpoint(live_inputs, live, before.initial_api_version or gvk.api_version, manager)
        sealed_inputs = seal(objects.to_pulumi(live_inputs), inputs)
        if not importing:
            try:
                waiting.check_once(session.client, shape, live)
            except waiting.NotReadyError as error:
                raise PartialFailure(
                    id, now.sealed(inputs), [str(error), *error.reasons], sealed_inputs
                ) from error
        return id, now.sealed(inputs), sealed_inputs

    def _read_unreachable(
        self, identifier: str, state: Properties, inputs: Properties
    ) -> tuple[str | None, Properties, Properties]:
        session, call = self._session(), operation.current()
        call.warn(wording.unreachable(session.unreachable))
        if session.flag("deleteUnreachable"):
            call.info(wording.DROPPED)
            return None, {}, {}
        if session.flag("skipUpdateUnreachable"):
            return identifier, state, inputs
        raise Refused(wording.UNREADABLE)

    def update(
        self,
        id: str,  # noqa: A002
        olds: Properties,
        news: Properties,
        preview: bool,
        timeout: float,
    ) -> Properties:
        """Apply the object server-side and wait for it."""
        session, call = self._session(), operation.current()
        wanted = shaping.normal(objects.to_kubernetes(plain(news)))
        if preview and (has_unknown(wanted) or not session.exists(objects.gvk_of(wanted))):
            return news
        before, client = unseal(olds), session.reachable()
        server_side = session.flag("enableServerSideApply")
        manager = shaping.field_manager(wanted, before.manager, server_side=server_side)
        request = apply.Request(client, wanted, manager, preview=preview)
        last = before.live
        state = Checkpoint(
            wanted, last, before.initial_api_version or str(wanted["apiVersion"]), manager
        )
        try:
            last = client.get(
                objects.gvk_of(wanted), objects.namespace_of(last), objects.name_of(last)
            )
            state.live = apply.update(
                request,
                last,
                old_inputs=objects.pruned(before.live, shaping.normal(before.inputs)),
                server_side=server_side,
                is_patch=kinds.is_patch(call.type, str(wanted.get("kind"))),
                force=session.flag("enablePatchForce"),
            )
            if not preview:
                wait = waiting.Wait(client, wanted, timeout)
                state.live = waiting.until_ready(wait, state.live, last)
        except NoMatchError as error:
            raise Refused(wording.no_such_kind("update", call.urn, None, error)) from error
        except ApiError as error:
            if preview and error.code == 403:
                return news
            state.live = last
            self._refuse_update(state, request, error, news)
        except waiting.NotReadyError as error:
            state.live = error.live
            raise PartialFailure(
                id, state.sealed(news), [wording.not_live(id, str(error)), *error.reasons]
            ) from error
        return state.sealed(news)

    def _refuse_update(
        self, state: Checkpoint, request: apply.Request, error: ApiError, news: Properties
    ) -> None:
        """An apply that the server refused: the object is still there, and the state says so."""
        identifier = objects.identifier(state.live)
        text = apply.explained(error, request.manager)
        if error.code == 404:
            raise Refused(
                f"update of resource {wording.quoted(operation.current().urn)} failed: {text}\n"
                f"unable to get cluster state: {error}"
            ) from error
        sentence = wording.not_live(identifier, text)
        if request.preview:
            raise Refused(sentence) from error
        raise PartialFailure(identifier, state.sealed(news), [sentence]) from error

    def delete(
        self,
        id: str,  # noqa: A002
        state: Properties,
        timeout: float,
    ) -> None:
        """Delete in the foreground and wait; a Patch gives its fields up instead."""
        session, call, before = self._session(), operation.current(), unseal(state)
        if session.client is None:
            call.warn(wording.unreachable(session.unreachable))
            if session.flag("deleteUnreachable"):
                call.info(wording.DROPPED)
                return
            raise Refused(wording.UNDELETABLE)
        is_patch = kinds.is_patch(call.type, str(before.live.get("kind")))
        try:
            if is_patch and session.flag("enableServerSideApply"):
                apply.relinquish(session.client, before.live, before.manager or "")
                return
            apply.delete(session.client, before.live, before.inputs)
            wait = waiting.Wait(session.client, before.inputs, timeout)
            waiting.until_gone(wait, before.live)
        except NoMatchError:
            return  # the CRD is gone, and every object with it
        except ApiError as error:
            if error.code == 404:
                return
            if is_patch and error.code == 422 and "Required value" in str(error):
                raise Refused(f"{wording.KEEP_OWNED}: {error}") from error
            raise Refused(str(error)) from error
        except waiting.NotReadyError as error:
            before.live = error.live
            raise PartialFailure(id, before.sealed(state), [str(error)]) from error
