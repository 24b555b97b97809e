"""The part of the stand-in for Kaggle that keeps data sets, runs no kernel, and shows what kernels left."""

from dataclasses import dataclass, field

READY, COMPLETE = "READY", "COMPLETE"


@dataclass
class Work:
    """Data sets and kernels of an account.

    Attributes:
        datasets: slug -> content of its files by name.
        unpacking: states that the next questions for a data set are answered with, before READY.
        kernels: what kernels were saved with, in order.
        states: slug of a kernel -> (state, why it failed).
        outputs: slug of a kernel -> content of its files by name.
        not_given: field of an answer -> what of a kernel's sources is refused.
        refusal: Kaggle's word against a kernel, if any.
        hours: of GPU, (used, allowed); None if Kaggle does not say.
        lost: names of files that no upload keeps.
    """

    datasets: dict[str, dict[str, bytes]] = field(default_factory=dict)
    unpacking: list[str] = field(default_factory=list)
    kernels: list[dict] = field(default_factory=list)
    states: dict[str, tuple[str, str]] = field(default_factory=dict)
    outputs: dict[str, dict[str, bytes]] = field(default_factory=dict)
    not_given: dict[str, list[str]] = field(default_factory=dict)
    refusal: str = ""
    hours: tuple[float, float] | None = (2.5, 30)
    lost: set[str] = field(default_factory=set)
    _names: list[str] = field(default_factory=list)
    _sent: dict[str, bytes] = field(default_factory=dict)

    def answer(self, asked: str, body: dict, address: str) -> tuple[int, dict] | None:
        """Status and content; None for what is not asked of data sets or kernels."""
        if asked == "GetDatasetStatus":
            if body["datasetSlug"] not in self.datasets:
                return 404, {"code": 404, "message": "Not found"}
            return 200, {"status": self.unpacking.pop(0) if self.unpacking else READY}
        if asked == "StartBlobUpload":
            self._names.append(body["name"])
            token = str(len(self._names) - 1)
            return 200, {"token": token, "createUrl": f"{address}/upload/{token}"}
        if asked in ("CreateDataset", "CreateDatasetVersion"):
            files = (body if asked == "CreateDataset" else body["body"])["files"]
            slug = body["slug"] if asked == "CreateDataset" else body["datasetSlug"]
            self.datasets[slug] = {self._names[int(one["token"])]: self._sent[one["token"]] for one in files}
            return 200, {"status": "ok", "url": f"{address}/{slug}"}
        if asked == "SaveKernel":
            self.kernels.append(body)
            return 200, {"url": f"https://www.kaggle.com/code/{body['slug']}", "error": self.refusal, **self.not_given}
        if asked == "GetKernelSessionStatus":
            state, why = self.states.get(body["kernelSlug"], (COMPLETE, ""))
            return 200, {"status": state, "failureMessage": why}
        if asked == "ListKernelSessionOutput":
            return 200, self._page(body, address)
        if asked == "GetAcceleratorQuotaStatistics":
            hours = self.hours and {
                "timeUsed": f"{self.hours[0] * 3600:.0f}s",
                "totalTimeAllowed": f"{self.hours[1] * 3600:.0f}s",
            }
            return 200, {"quotaRefreshTime": "2026-12-05T00:00:00Z"} | ({"gpuQuota": hours} if hours else {})
        return None

    def _page(self, body: dict, address: str) -> dict:
        """Two files at a time, as Kaggle shows twenty."""
        slug, begin = body["kernelSlug"], int(body.get("pageToken") or 0)
        names = sorted(self.outputs.get(slug, {}))
        files = [{"fileName": name, "url": f"{address}/outputs/{slug}/{name}"} for name in names[begin : begin + 2]]
        rest = {"nextPageToken": str(begin + 2)} if begin + 2 < len(names) else {}
        return {"files": files, "log": "what it said"} | rest

    def keep(self, token: str, content: bytes) -> bool:
        """Keep what was uploaded, unless it is one that gets lost."""
        kept = self._names[int(token)] not in self.lost
        if kept:
            self._sent[token] = content
        return kept
