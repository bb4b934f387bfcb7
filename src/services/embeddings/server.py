"""Embeddings and reranking over HTTP, shaped as OpenAI's API. One request at a time is on the GPU."""

import asyncio
import os
import threading

import torch
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel, Field
from transformers import AutoModel, AutoModelForSequenceClassification, AutoTokenizer

EMBEDDING = os.environ.get("EMBEDDING_MODEL", "BAAI/bge-m3")
RERANKER = os.environ.get("RERANKER_MODEL", "")
TOKENS = int(os.environ.get("MAX_TOKENS", "8192"))
AT_ONCE = int(os.environ.get("BATCH", "16"))
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"

app = FastAPI()
turn = asyncio.Lock()
loaded = {}
trouble = []


def load():
    try:
        kind = torch.float16 if DEVICE == "cuda" else torch.float32
        loaded["embed"] = (
            AutoTokenizer.from_pretrained(EMBEDDING),
            AutoModel.from_pretrained(EMBEDDING, torch_dtype=kind).to(DEVICE).eval(),
        )
        if RERANKER:
            loaded["rerank"] = (
                AutoTokenizer.from_pretrained(RERANKER),
                AutoModelForSequenceClassification.from_pretrained(RERANKER, torch_dtype=kind).to(DEVICE).eval(),
            )
        loaded["ready"] = True
    except Exception as error:  # told by /health, for whoever waits for it
        trouble.append(f"{type(error).__name__}: {error}")


threading.Thread(target=load, daemon=True).start()


class Embed(BaseModel):
    input: str | list[str]
    model: str | None = None
    normalize: bool = True


class Rerank(BaseModel):
    query: str
    documents: list[str] = Field(max_length=1000)
    top_n: int | None = Field(default=None, ge=1)
    return_documents: bool = False
    model: str | None = None


def part(name):
    if trouble:
        raise HTTPException(500, trouble[0])
    if "ready" not in loaded:
        raise HTTPException(503, "loading the models", {"Retry-After": "10"})
    if name not in loaded:
        raise HTTPException(404, "no such model is loaded")
    return loaded[name]


def batches(items):
    return (items[at : at + AT_ONCE] for at in range(0, len(items), AT_ONCE))


@torch.inference_mode()
def embed(texts, normalize):
    tokenizer, model = part("embed")
    found = []
    for some in batches(texts):
        words = tokenizer(some, padding=True, truncation=True, max_length=TOKENS, return_tensors="pt").to(DEVICE)
        vectors = model(**words).last_hidden_state[:, 0].float()
        if normalize:
            vectors = torch.nn.functional.normalize(vectors, dim=1)
        found.extend(vectors.cpu().tolist())
    return found


@torch.inference_mode()
def score(query, documents):
    tokenizer, model = part("rerank")
    found = []
    for some in batches(documents):
        pairs = [[query, document] for document in some]
        words = tokenizer(pairs, padding=True, truncation=True, max_length=TOKENS, return_tensors="pt").to(DEVICE)
        found.extend(model(**words).logits.view(-1).float().cpu().tolist())
    return found


@app.get("/health")
def health():
    part("ready")
    return {"status": "ok", "device": DEVICE}


@app.get("/v1/models")
def models():
    names = [EMBEDDING] + ([RERANKER] if RERANKER else [])
    return {"object": "list", "data": [{"id": name, "object": "model", "owned_by": "pilothouse"} for name in names]}


@app.post("/v1/embeddings")
async def embeddings(asked: Embed):
    part("embed")
    texts = [asked.input] if isinstance(asked.input, str) else asked.input
    if not texts:
        raise HTTPException(422, "there is nothing to embed")
    async with turn:
        vectors = await asyncio.to_thread(embed, texts, asked.normalize)
    data = [{"object": "embedding", "index": at, "embedding": vector} for at, vector in enumerate(vectors)]
    return {"object": "list", "model": EMBEDDING, "data": data, "usage": {"prompt_tokens": 0, "total_tokens": 0}}


@app.post("/v1/rerank")
async def rerank(asked: Rerank):
    part("rerank")
    async with turn:
        scores = await asyncio.to_thread(score, asked.query, asked.documents)
    order = sorted(range(len(scores)), key=lambda at: -scores[at])[: asked.top_n]
    results = [{"index": at, "relevance_score": scores[at]} for at in order]
    if asked.return_documents:
        for result in results:
            result["document"] = {"text": asked.documents[result["index"]]}
    return {"model": RERANKER, "results": results}
