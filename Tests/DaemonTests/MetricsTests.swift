import ControlProtocol
import Daemon
import Foundation
import Logging
import Pipeline
import Storage
import TestSupport
import Testing

/// What monitoring reads; the judge of the text is the parser of Prometheus's own Python client.
@Suite struct MetricsTests {
    private let clock = SimulatedClock()
    private let table: MethodTable

    init() {
        table = MethodTable(service: MockService(), profileBatch: 3, clock: clock)
    }

    private static let root = URL(filePath: #filePath).appending(path: "../../..").standardized.path

    private func ask(_ method: String) async -> Result<JSONValue, ControlError> {
        await table.answer(
            Request(id: .number(1), method: method, params: []), role: .reader, connections: 2)
    }

    private func text() async throws -> String {
        try #require(try await ask("metrics").get()["text"]?.text)
    }

    /// Debian's python3-prometheus-client, which is not a part of every python3.
    private func parsed(_ text: String, _ module: String) async throws -> [String: JSONValue] {
        let child = try await Child.run(
            [
                "/usr/bin/python3", "-c",
                """
                import json, sys
                from \(module) import text_string_to_metric_families as parse
                samples = {}
                for family in parse(sys.stdin.read()):
                    for s in family.samples:
                        samples[s.name + json.dumps(s.labels, sort_keys=True)] = repr(float(s.value))
                    samples["type " + family.name] = family.type
                print(json.dumps(samples))
                """,
            ], input: text)
        try #require(child.status == 0, "\(child.error)")
        guard case .object(let members) = try JSONParser.parse(Array(child.output.utf8)) else {
            return [:]
        }
        return Dictionary(members.map { ($0.name, $0.value) }) { $1 }
    }

    @Test func `Prometheus's own parser reads the answer, and finds the figures of status in it`()
        async throws
    {
        _ = await ask("version")
        _ = await ask("snapshot.create")
        _ = await ask("no.such.method")
        let samples = try await parsed(try await text(), "prometheus_client.openmetrics.parser")
        let status = try await ask("status").get()
        #expect(samples["ubpd_records_read_total{}"] == "10.0")
        #expect(samples["type ubpd_records"] == "counter")
        #expect(samples["type ubpd_request_duration_seconds"] == "histogram")
        let read = try #require(status["counters"]?["read"]?.integer)
        #expect(samples["ubpd_records_read_total{}"] == .string("\(Double(read))"))
        #expect(samples["ubpd_state{\"state\": \"live\"}"] == "1.0")
        #expect(samples["ubpd_state{\"state\": \"draining\"}"] == "0.0")
        #expect(samples["ubpd_connections{}"] == "2.0")
        let forbidden = #"ubpd_requests_total{"method": "snapshot.create", "outcome": "forbidden"}"#
        #expect(samples[forbidden] == "1.0")
        // A name that a peer chose never becomes a label.
        let unknown =
            #"ubpd_requests_total{"method": "unknown", "outcome": "method_not_found"}"#
        #expect(samples[unknown] == "1.0", "\(samples.keys.filter { $0.contains("unknown") })")
        #expect(!samples.keys.contains { $0.contains("no.such") })
    }

    @Test func `the file for node_exporter is in the older form and replaced as a whole`()
        async throws
    {
        let folder = try TemporaryDirectory()
        let path = "\(folder.path)/ubpd.prom"
        let file = MetricsFileService(
            table: table, path: path, intervalSeconds: 1, host: .real,
            logger: Logger(label: "test"))
        #expect(await file.write() == nil)
        #expect(await file.write() == nil)
        let text = try String(contentsOfFile: path, encoding: .utf8)
        #expect(!text.contains("# EOF") && text.contains("# TYPE ubpd_records_total counter\n"))
        let samples = try await parsed(text, "prometheus_client.parser")
        #expect(samples["ubpd_records_total{\"outcome\": \"applied\"}"] != nil)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["ubpd.prom"])
        let lost = MetricsFileService(
            table: table, path: "\(folder.path)/none/ubpd.prom", intervalSeconds: 1, host: .real,
            logger: Logger(label: "test"))
        #expect(try #require(await lost.write()).contains("none"))
    }

    @Test func `an answer's time falls into the bucket whose bound it does not pass`() throws {
        let meter = RequestMeter()
        meter.note("status", nil, nanoseconds: 100_000)
        meter.note("status", nil, nanoseconds: 100_001)
        meter.note("status", nil, nanoseconds: 61_000_000_000)
        let tally = try #require(meter.all().first?.tally)
        #expect(tally.buckets[0] == 1 && tally.buckets[1] == 1)
        #expect(tally.buckets[RequestMeter.bounds.count] == 1)
        #expect(tally.outcomes == ["ok": 3] && abs(tally.seconds - 61.000200001) < 1e-9)
    }

    @Test func `alert rules and dashboard name only metrics that there are`() async throws {
        _ = await ask("profile.get")
        let page = try await text()
        // Families without a sample yet, such as memory's parts, are told as well.
        var there: Set<Substring> = []
        for family in page.matches(of: /# TYPE (\w+) (\w+)/) {
            switch family.2 {
            case "counter": there.insert(family.1 + "_total")
            case "histogram": there.formUnion(["_bucket", "_sum", "_count"].map { family.1 + $0 })
            default: there.insert(family.1)
            }
        }
        #expect(there.count > 30)
        for path in ["config/prometheus/ubpd.rules.yml", "config/grafana/ubpd.json"] {
            let text = try String(contentsOfFile: "\(Self.root)/\(path)", encoding: .utf8)
            let names = Set(text.matches(of: /\bubpd_[a-z0-9_]+/).map(\.output))
            #expect(names.count > 8)
            for name in names.sorted() { #expect(there.contains(name), "\(path): \(name)") }
        }
        let board = try String(
            contentsOfFile: "\(Self.root)/config/grafana/ubpd.json", encoding: .utf8)
        let panels = try JSONParser.parse(Array(board.utf8))["panels"]?.elements ?? []
        #expect(panels.count >= 12)
        for panel in panels { #expect(panel["targets"]?.elements?.isEmpty == false) }
    }

    /// Debian's prometheus brings promtool and a server beside it, so that not every machine has it.
    @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/promtool")))
    func `promtool finds nothing wrong with the rules`() async throws {
        let rules = "\(Self.root)/config/prometheus/ubpd.rules.yml"
        let child = try await Child.run(["/usr/bin/promtool", "check", "rules", rules])
        #expect(child.status == 0, "\(child.output)\(child.error)")
        let lint = try await Child.run(["/usr/bin/promtool", "check", "metrics"], input: "")
        #expect(lint.status == 0, "\(lint.error)")
    }
}
