-- For wrk: sends the requests of a file in turn; the last line is for sessions_bench.
local requests, at = {}, 0

function init(arguments)
  for line in io.lines(arguments[1]) do
    local target, cookies = line:match("([^\t]*)\t(.*)")
    requests[#requests + 1] = wrk.format("GET", target,
      {["Cookie"] = cookies, ["User-Agent"] = arguments[2]})
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function done(summary, latency)
  local e = summary.errors
  io.write(string.format(
    "ok rate=%.1f requests=%d bytes=%d p50=%.1f p99=%.1f max=%.1f bad=%d\n",
    summary.requests * 1e6 / summary.duration, summary.requests, summary.bytes,
    latency:percentile(50), latency:percentile(99), latency.max,
    e.connect + e.read + e.write + e.status + e.timeout))
end
