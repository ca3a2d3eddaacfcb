"""List which columns hold words of a script, or their hash; forgetting uses this list.

A new column of text has to be entered here; a test fails until it is. A column that is
entered as words is emptied by a forgetting (`erasure.py`) without further code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Columns:
    """The columns of one table that are texts or vectors.

    Names are separated by blanks. `words` hold words of a script. `labels` describe a
    script and are emptied with its words. `vectors` are made from words, which can be
    guessed from them; their rows are deleted. `hashes` identify words without holding
    them; they stay, so that the same words are refused and lineage is not broken.
    `others` hold no words of a script: ids, states, names of files and people, and
    remarks of people or vendors.
    """

    words: str = ""
    labels: str = ""
    vectors: str = ""
    hashes: str = ""
    others: str = ""

    def names(self) -> list[str]:
        """Return all column names. A name that was entered twice is returned twice."""
        kinds = (self.words, self.labels, self.vectors, self.hashes, self.others)
        return " ".join(kinds).split()


COLUMNS: Mapping[str, Columns] = {
    "alerts": Columns(
        others=(
            "alert_key reference sentence section link status channels_left detail"
        ),
    ),
    "api_calls": Columns(
        hashes="request_hash",
        others=(
            "call_id run_id asset month operation provider model status error "
            "subject"
        ),
    ),
    "datasets": Columns(
        hashes="dataset_hash",
        others="month kind split path",
    ),
    "decisions": Columns(
        hashes="winner_revision_hash",
        others=(
            "experiment_id decision winner_variant_id winner_arm "
            "winner_script_id reason"
        ),
    ),
    "drafts": Columns(
        words="hook body call_to_action text beats on_screen_text shots",
        hashes="prompt_hash request_hash",
        others=(
            "variant_id month topic_id arm hook_style provider model model_id "
            "settings rejection"
        ),
    ),
    "edges": Columns(
        hashes="child_id parent_id",
        others="child_kind parent_kind relation run_id",
    ),
    "embedding_batch_inputs": Columns(
        hashes="content_hash",
        others="custom_id",
    ),
    "embedding_batch_lines": Columns(
        others="custom_id intent_key call_id status reason",
    ),
    "embedding_batches": Columns(
        others="intent_key provider model batch_id status outcome reason run_id",
    ),
    "embeddings": Columns(
        vectors="vector",
        hashes="content_hash",
        others="model",
    ),
    "engagement": Columns(others="post_id metric"),
    "evaluations": Columns(others="model_id against_model_id example_id month detail"),
    "evidence": Columns(others="experiment_id arm_a arm_b"),
    "experiments": Columns(
        others=(
            "experiment_id month topic_id segment numerator denominator status "
            "intent_key"
        ),
    ),
    "fine_tune_jobs": Columns(
        hashes="dataset_hash artifact",
        others=(
            "job_id month provider provider_job_id base_model hyperparameters "
            "intent_key status refusal model_name submitter"
        ),
    ),
    "forget_requests": Columns(
        hashes="receipt receipt_hash",
        others="request_id script_ids reason requested_by status",
    ),
    "forget_steps": Columns(hashes="detail", others="request_id step"),
    "forgotten": Columns(others="script_id reason requested_by receipt"),
    "forgotten_examples": Columns(others="month example_id kind split request_id"),
    "hook_choices": Columns(
        others="variant_id month topic_id model_id role",
    ),
    "hook_vectors": Columns(
        vectors="vector",
        hashes="hook_hash",
        others="model",
    ),
    "imports": Columns(
        hashes="content_hash",
        others="import_id source_uri mapping source notes numerator denominator",
    ),
    "index_entries": Columns(
        hashes="revision_hash metadata_hash",
        others="index_name namespace script_id embedding_model metadata_keys",
    ),
    "index_generations": Columns(others="index_name namespace generation"),
    "index_spaces": Columns(others="index_name namespace model"),
    "key_sightings": Columns(others="name fingerprint"),
    "library_files": Columns(
        hashes="revision_hash content_hash rest_hash",
        others="file_uri script_id source_uri stamp",
    ),
    "lowered_counts": Columns(others="post_id files"),
    "migrations": Columns(others="title"),
    "model_events": Columns(others="model_id status reason"),
    "model_scripts": Columns(others="model_id script_id"),
    "models": Columns(
        hashes="artifact",
        others="model_id job_id provider name base_model",
    ),
    "polish_attempts": Columns(
        words="hook beats body call_to_action on_screen_text text shots",
        hashes="prompt_hash request_hash",
        others="variant_id model model_id settings rejection",
    ),
    "post_edit_figures": Columns(others="post_id gate"),
    "post_edits": Columns(
        words="hook body call_to_action text",
        hashes="revision_hash",
        others="post_id variant_id edited_by",
    ),
    "post_reviews": Columns(
        hashes="revision_hash",
        others="post_id decision reason reviewed_by variant_id",
    ),
    "posts": Columns(
        hashes="published_revision_hash",
        others=(
            "post_id experiment_id variant_id script_id arm hook_style platform "
            "platform_post_id media_url intent_key status detail duplicate_of"
        ),
    ),
    "ranker_arms": Columns(
        hashes="revision_hash",
        others="model_id post_id experiment_id arm script_id variant_id image",
    ),
    "ranker_bets": Columns(
        others="series experiment_id image passed_over post_a post_b month",
    ),
    "reel_containers": Columns(
        hashes="content_hash caption_hash",
        others="container_id intent_key platform_post_id",
    ),
    "retrievals": Columns(
        hashes="revision_hash",
        others="variant_id script_id",
    ),
    "run_failures": Columns(others="run_id job step sentence"),
    "script_left_out": Columns(others="file_uri source_uri kind detail"),
    "script_performance": Columns(
        hashes="revision_hash",
        others="script_id source",
    ),
    "script_rejects": Columns(others="source_uri reason detail"),
    "script_status": Columns(
        hashes="revision_hash",
        others="script_id status reason",
    ),
    "scripts": Columns(
        words="hook body call_to_action text",
        labels="author topic hook_style language",
        hashes="revision_hash",
        others="script_id origin source_uri variant_id",
    ),
    "source_states": Columns(
        hashes="state",
        others="source run_id",
    ),
    "split_objects": Columns(
        others="split_id kind arm intent_key of_post_id media_id object_id",
    ),
    "split_tests": Columns(
        others=(
            "split_id of_experiment_id experiment_id currency countries payer status "
            "custom_audiences"
        ),
    ),
    "standings": Columns(
        others="experiment_id leader_arm runner_up_arm rival_arm rule",
    ),
    "suspicious_scripts": Columns(
        hashes="revision_hash",
        others="script_id kinds",
    ),
    "sync_checkpoints": Columns(
        hashes="state",
        others="part",
    ),
    "topic_rejects": Columns(others="source_uri reason detail month"),
    "topic_withdrawals": Columns(others="month topic_id reason changed_by"),
    "topics": Columns(
        others=(
            "month topic_id topic brief audience language brand_voice status "
            "source_uri"
        ),
    ),
    "training_examples": Columns(
        words="prompt completion rejected",
        hashes="revision_hash rejected_revision_hash",
        others=(
            "month example_id kind split group_id reason script_id variant_id "
            "decision_ref"
        ),
    ),
    "variant_figures": Columns(others="variant_id gate"),
    "variants": Columns(
        words="hook body call_to_action text beats on_screen_text shots",
        hashes="revision_hash prompt_hash request_hash",
        others=(
            "variant_id month topic_id arm hook_style provider model model_id "
            "settings rejection polish_model_id"
        ),
    ),
    "vendor_post_names": Columns(others="source kind value post_id"),
    "winner_acceptances": Columns(others="experiment_id winner_arm reason changed_by"),
}
"""{table: its columns of texts and vectors}."""
