import ControlProtocol
import Pipeline
import Storage

/// `metrics`.
extension MethodTable {
    /// The media type of OpenMetrics text.
    static let metricsType = "application/openmetrics-text; version=1.0.0; charset=utf-8"

    func metrics(
        _ params: [JSONValue.Member], connections: Int
    ) async throws(ControlError) -> JSONValue {
        try Parameters(params).finish()
        let report = try await standing()
        return [
            "content_type": .string(Self.metricsType),
            "text": .string(metricsPage(report, connections: connections).text(.openMetrics)),
        ]
    }

    /// What monitoring reads, as of `report`.
    func metricsPage(_ report: StatusReport, connections: Int) -> MetricsPage {
        MetricsPage(
            report: report, requests: meter.all(), connections: connections,
            uptimeSeconds: uptimeSeconds, version: Version.program)
    }
}
