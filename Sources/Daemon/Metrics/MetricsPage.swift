import Pipeline

/// Everything that monitoring reads of the daemon: no user, no id of one, no text a producer chose.
struct MetricsPage {
    var report: StatusReport
    var requests: [(method: String, tally: RequestMeter.Tally)]
    var connections: Int
    var uptimeSeconds: Double
    var version: String

    private static let states = ["recovering", "catching-up", "live", "draining", "stopped"]

    func text(_ form: MetricsText.Form) -> String {
        var page = MetricsText(form)
        addDaemon(to: &page)
        addLog(to: &page)
        addState(to: &page)
        addPublished(to: &page)
        addRequests(to: &page)
        return page.finished()
    }

    private func addDaemon(to page: inout MetricsText) {
        page.begin("ubpd_version", .gauge, "Always 1; the label tells the version.")
        page.add(1, [("version", version)])
        page.begin("ubpd_uptime_seconds", .gauge, "Since the process started.")
        page.add(uptimeSeconds)
        page.begin("ubpd_state", .gauge, "1 for the state the pipeline is in, 0 for the others.")
        for state in Self.states { page.add(report.state == state ? 1 : 0, [("state", state)]) }
        page.begin("ubpd_degraded_pieces", .gauge, "Damaged or missing pieces; status names them.")
        page.add(Double(report.degraded.count))
        page.begin("ubpd_memory_bytes", .gauge, "Bytes of the state by part.")
        for part in report.parts { page.add(Double(part.byteCount), [("part", part.name)]) }
    }

    private func addLog(to page: inout MetricsText) {
        let counters = report.counters
        page.begin("ubpd_records_read", .counter, "Records read from the log.")
        page.add(Double(counters.read))
        page.begin("ubpd_records", .counter, "Records by what became of them for good.")
        for (outcome, value) in [
            ("applied", counters.applied), ("late", counters.late),
            ("duplicate", counters.duplicate), ("suppressed", counters.suppressed),
            ("quarantined", counters.quarantined),
        ] {
            page.add(Double(value), [("outcome", outcome)])
        }
        page.begin("ubpd_records_waiting", .gauge, "Records read that wait for their turn.")
        page.add(Double(counters.pending), [("reason", "pending")])
        page.add(Double(counters.held), [("reason", "held")])
        page.begin("ubpd_catalogue_records", .counter, "Product updates, beside the records read.")
        page.add(Double(counters.catalogue))
        page.begin("ubpd_lag_bytes", .gauge, "Compressed bytes of the log not yet applied.")
        page.add(Double(report.lagBytes))
        page.begin("ubpd_lag_events", .gauge, "Estimate of the events in those bytes.")
        page.add(Double(report.lagEvents))
        page.begin("ubpd_lag_seconds", .gauge, "Event time from the log clock to the newest read.")
        page.add(Double(report.lagSeconds))
        page.begin("ubpd_catch_up_seconds", .gauge, "Estimate until caught up; 0 when it is.")
        page.add(report.etaSeconds ?? (report.lagBytes == 0 ? 0 : .nan))
        page.begin("ubpd_records_per_second", .gauge, "Records applied, over the last seconds.")
        page.add(report.recordsPerSecond)
        page.begin("ubpd_log_clock_timestamp_seconds", .gauge, "Event time the log has reached.")
        page.add(report.logClock.map(Double.init) ?? .nan)
        page.begin("ubpd_quarantine_entries", .gauge, "Refused records and byte ranges kept.")
        page.add(Double(report.quarantine.entryCount))
        page.begin("ubpd_quarantine_bytes", .gauge, "Bytes of them.")
        page.add(Double(report.quarantine.byteCount))
        page.begin("ubpd_quarantine_dropped", .counter, "Refused records that had to leave.")
        page.add(Double(report.quarantine.droppedCount))
    }

    private func addState(to page: inout MetricsText) {
        page.begin("ubpd_users", .gauge, "Users known.")
        page.add(Double(report.users))
        page.begin("ubpd_resident_users", .gauge, "Users whose state is in memory.")
        page.add(Double(report.residentUsers))
        page.begin("ubpd_rows", .gauge, "Rows folded.")
        page.add(Double(report.rows))
        page.begin("ubpd_encoder_steps", .counter, "GRU steps since the process started.")
        page.add(Double(report.encoderSteps))
        page.begin("ubpd_waiting_inputs", .gauge, "Inputs accepted whose place is not reached yet.")
        page.add(Double(report.waitingInputs))
    }

    private func addPublished(to page: inout MetricsText) {
        page.begin("ubpd_generation", .gauge, "Id of the generation that answers; 0 is built in.")
        page.add(Double(report.generation))
        page.begin("ubpd_space", .gauge, "Id of its space.")
        page.add(Double(report.space))
        page.begin("ubpd_trained", .gauge, "1 when its networks were trained.")
        page.add(report.trained ? 1 : 0)
        page.begin("ubpd_generations_running", .gauge, "Generations in memory.")
        page.add(Double(report.generations.count))
        page.begin("ubpd_snapshot_current", .gauge, "Version that current points at; 0 for none.")
        page.add(Double(report.currentSnapshot ?? 0))
        page.begin("ubpd_snapshot_held", .gauge, "1 after a rollback, until it is released.")
        page.add(report.hold == nil ? 0 : 1)
        page.begin("ubpd_refresh_running", .gauge, "1 while a batch refresh is at work.")
        page.add(report.refresh?.isRunning == true ? 1 : 0)
        page.begin("ubpd_refresh_step", .gauge, "Steps of the newest refresh that are done.")
        page.add(Double(report.refresh?.stepIndex ?? 0))
        page.begin("ubpd_refresh_failed", .gauge, "1 when the newest refresh failed.")
        page.add(report.refresh?.state == "failed" ? 1 : 0)
        page.begin(
            "ubpd_refresh_updated_timestamp_seconds", .gauge, "When it last said how far it was.")
        page.add(report.refresh.map { Double($0.updated) } ?? .nan)
    }

    private func addRequests(to page: inout MetricsText) {
        page.begin("ubpd_connections", .gauge, "Open connections of the control socket.")
        page.add(Double(connections))
        page.begin("ubpd_requests", .counter, "Requests by method and outcome.")
        for (method, tally) in requests {
            for (outcome, count) in tally.outcomes.sorted(by: { $0.key < $1.key }) {
                page.add(Double(count), [("method", method), ("outcome", outcome)])
            }
        }
        page.begin("ubpd_request_duration_seconds", .histogram, "Time to answer a request.")
        for (method, tally) in requests {
            page.add(
                counts: tally.buckets, bounds: RequestMeter.bounds, sum: tally.seconds,
                [("method", method)])
        }
    }
}
