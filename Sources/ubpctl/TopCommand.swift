import ArgumentParser
import ControlProtocol
import Foundation

/// `ubpctl top`: how the daemon is doing, live.
struct TopCommand: ControlCommand {
    static let configuration = CommandConfiguration(
        commandName: "top", abstract: "How the daemon is doing, live: rate, lag, stages, requests.",
        discussion: """
            Rates and request times are of the time between two looks; the first look speaks of all \
            the time since the daemon started. On something that is no terminal each look is added.
            """)

    @OptionGroup var connection: ConnectionOptions

    @Option(help: ArgumentHelp("Seconds between two looks.", valueName: "seconds"))
    var interval = 2.0

    @Option(help: ArgumentHelp("Looks until it ends; else until interrupted.", valueName: "looks"))
    var count: Int?

    mutating func validate() throws {
        guard interval >= 0.1, interval <= 86_400 else {
            throw ValidationError("--interval wants seconds from 0.1 to 86400")
        }
        if let count, count < 1 { throw ValidationError("--count wants at least 1") }
    }

    func run() async throws {
        let screen = Screen()
        var before: Look?
        var looks = 0
        while true {
            let look = try await self.look()
            if connection.json {
                try screen.show(look.json(since: before).line, asLine: true)
            } else {
                try screen.show(look.words(since: before, screen))
            }
            before = look
            looks += 1
            if let count, looks >= count { return }
            try await Task.sleep(for: .seconds(interval))
        }
    }

    private func look() async throws -> Look {
        let client = ControlClient(path: connection.path, timeoutSeconds: connection.timeout ?? 30)
        let results = try await client.results(of: [
            (method: Method.status.rawValue, params: []),
            (method: Method.metrics.rawValue, params: []),
        ])
        guard results.count == 2, let text = results[1]["text"]?.text else {
            throw Failure.badReply("metrics without text")
        }
        return Look(
            status: StatusReply(json: results[0]), requests: RequestTimes.all(in: text))
    }
}

/// What one look saw.
private struct Look {
    var status: StatusReply
    var requests: [RequestTimes]

    private func counter(_ name: String) -> Int64 {
        status.counters.first { $0.name == name }?.value.integer ?? 0
    }

    /// Requests since an earlier look at the same process, or since its start.
    private func recent(_ before: Look?) -> [RequestTimes] {
        guard let before, before.status.processID == status.processID else { return requests }
        return requests.map { times in
            before.requests.first { $0.method == times.method }.map(times.since) ?? times
        }
    }

    private func elapsed(_ before: Look?) -> Double {
        let isSame = before?.status.processID == status.processID
        return max(0.001, status.uptimeSeconds - (isSame ? before?.status.uptimeSeconds ?? 0 : 0))
    }

    func words(since before: Look?, _ screen: Screen) -> String {
        var table = Table(
            ("METHOD", .left), ("A SECOND", .right), ("P50", .right), ("P99", .right),
            ("MAX", .right))
        for times in recent(before) where times.count > 0 {
            table.add(
                times.method, Units.decimal(Double(times.count) / elapsed(before), 1),
                times.shown(0.5), times.shown(0.99), times.shown(1))
        }
        let head = screen.bold("ubpd \(status.version), \(status.state)")
        return head + "\n\n" + status.words + "\n\n" + table.text
    }

    func json(since before: Look?) -> JSONValue {
        let seconds = elapsed(before)
        return [
            "state": .string(status.state),
            "records_per_second": .double(status.recordsPerSecond),
            "lag_bytes": .int(status.lagBytes), "eta_seconds": .optional(status.etaSeconds),
            "users": .int(status.users), "resident_users": .int(status.residentUsers),
            "requests": .array(
                recent(before).map {
                    [
                        "method": .string($0.method),
                        "per_second": .double(Double($0.count) / seconds),
                        "p50_seconds": .optional($0.quantile(0.5)),
                        "p99_seconds": .optional($0.quantile(0.99)),
                    ]
                }),
        ]
    }
}

/// How long a method's requests took, as the histogram of `metrics` tells it.
struct RequestTimes: Equatable {
    var method: String
    /// Cumulative counts at ascending bounds, seconds; the last bound is infinite.
    var buckets: [(bound: Double, count: Int64)]

    var count: Int64 { buckets.last?.count ?? 0 }

    /// The histograms in OpenMetrics text, in its order.
    static func all(in text: String) -> [RequestTimes] {
        var all: [RequestTimes] = []
        for line in text.split(separator: "\n") {
            let sample =
                /ubpd_request_duration_seconds_bucket\{method="(.*)",le="(.*)"\} (\d+)/
            guard let found = line.wholeMatch(of: sample), let count = Int64(found.3) else {
                continue
            }
            let bound = found.2 == "+Inf" ? Double.infinity : Double(found.2) ?? .infinity
            if all.last?.method != String(found.1) {
                all.append(RequestTimes(method: String(found.1), buckets: []))
            }
            all[all.count - 1].buckets.append((bound: bound, count: count))
        }
        return all
    }

    /// What came after an earlier look.
    func since(_ before: RequestTimes) -> RequestTimes {
        var times = self
        for index in buckets.indices where index < before.buckets.count {
            times.buckets[index].count = max(0, buckets[index].count - before.buckets[index].count)
        }
        return times
    }

    /// The upper bound of the bucket in which a quantile lies; nil when nothing was asked.
    func quantile(_ share: Double) -> Double? {
        guard count > 0 else { return nil }
        let wanted = max(1, Int64((share * Double(count)).rounded(.up)))
        return buckets.first { $0.count >= wanted }?.bound
    }

    /// A quantile for people: times are known by buckets.
    func shown(_ share: Double) -> String {
        guard let bound = quantile(share) else { return "-" }
        if bound == .infinity {
            return "> " + Units.duration(buckets.dropLast().last?.bound ?? 0)
        }
        return "<= " + (bound < 0.001 ? "\(Int(bound * 1e6)) us" : Units.duration(bound))
    }

    static func == (left: Self, right: Self) -> Bool {
        left.method == right.method
            && left.buckets.elementsEqual(right.buckets) { $0 == $1 }
    }
}

/// `ubpctl metrics`.
struct MetricsCommand: ControlCommand {
    static let configuration = CommandConfiguration(
        commandName: "metrics", abstract: "Figures for monitoring, as OpenMetrics text.")

    @OptionGroup var connection: ConnectionOptions

    func run() async throws {
        try await ask(.metrics) { json in
            let text = json["text"]?.text ?? ""
            return text.hasSuffix("\n") ? String(text.dropLast()) : text
        }
    }
}
