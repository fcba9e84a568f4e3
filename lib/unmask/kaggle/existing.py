"""Whether what is to be attached is there: asked before anything is pushed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .client import Client
from .retrying import Refused


def dataset_exists(client: Client, handle: str) -> bool:
    """Returns whether "owner/slug" or "owner/slug/version" is there for this account."""
    from kagglesdk.datasets.types.dataset_api_service import ApiGetDatasetRequest

    request = ApiGetDatasetRequest()
    request.owner_slug, request.dataset_slug = handle.split("/")[:2]
    return _is_there(client, lambda api: api.datasets.dataset_api_client.get_dataset(request))


def model_exists(client: Client, handle: str) -> bool:
    """Returns whether "owner/model/framework/variation/version" is there for this account."""
    from kagglesdk.models.types.model_api_service import ApiListModelInstanceVersionFilesRequest
    from kagglesdk.models.types.model_enums import ModelFramework

    owner, model, framework, variation, version = handle.split("/")
    request = ApiListModelInstanceVersionFilesRequest()
    request.owner_slug, request.model_slug, request.instance_slug = owner, model, variation
    request.version_number, request.page_size = int(version), 1
    other = ModelFramework.MODEL_FRAMEWORK_OTHER
    try:
        request.framework = client.api.lookup_enum(ModelFramework, other, framework)
    except KeyError:
        return False
    return _is_there(
        client, lambda api: api.models.model_api_client.list_model_instance_version_files(request)
    )


def _is_there(client: Client, ask: Callable[[Any], Any]) -> bool:
    try:
        client.call(ask)
    except Refused as refused:
        return not refused.not_there
    return True
