import ControlProtocol
import EventLog
import Events
import Features
import Pipeline
import Profiles
import Sessions
import Snapshots

/// What is done for one person's rights (docs/forgetting.md).
extension MethodTable {
    func forget(_ params: [JSONValue.Member]) async throws(ControlError) -> JSONValue {
        let parameters = try UserForgetParameters(params)
        let user = try one(parameters.user)
        _ = try await check(parameters.guards)
        let request = ForgetRequest(
            user: user, reason: parameters.reason, allowsReturn: parameters.allowsReturn,
            isDryRun: parameters.guards.isDryRun)
        let report = try await ask { service throws(PipelineError) in
            try await service.forget(request)
        }
        var reply = UserForgetReply(user: user.description)
        reply.original = names.name(of: user)
        reply.known = report.isKnown
        reply.already = report.isAlready
        reply.input = report.input
        reply.place = report.place.description
        reply.offset = report.offset
        reply.events = report.events
        reply.rows = report.rows
        reply.allowsReturn = parameters.allowsReturn
        reply.isDryRun = parameters.guards.isDryRun
        return reply.json
    }

    func suppressions(_ params: [JSONValue.Member]) async throws(ControlError) -> JSONValue {
        let parameters = try UserSuppressionsParameters(params)
        let page = try await ask { service throws(PipelineError) in
            try await service.suppressions(
                after: parameters.after ?? 0, limit: Int(parameters.limit))
        }
        return .object([
            .init("suppressions", .array(page.items.map { reply($0).json })),
            .init("next", .optional(page.next)), .init("pending", .int(page.pendingCount)),
        ])
    }

    func exportUser(_ params: [JSONValue.Member]) async throws(ControlError) -> JSONValue {
        let user = try one(UserExportParameters(params).user)
        let export = try await ask { service throws(PipelineError) in
            try await service.export(user)
        }
        let prediction = PredictionReply.Row(user: user, prediction: export.prediction)
        return .object([
            .init("user", .string(user.description)),
            .init("original", .optional(names.name(of: user))),
            .init("known", .bool(export.state != nil || !export.held.isEmpty)),
            .init("suppressed", .bool(export.isSuppressed)),
            .init("suppressions", .array(export.suppressions.map { reply($0).json })),
            .init("generation", .int(export.profile.generation)),
            .init("space", .int(export.profile.space)),
            .init("offset", .int(export.profile.offset)),
            .init("as_of", .optional(export.profile.asOf)),
            .init("state", export.state.map { UserStateJSON(state: $0).json } ?? .null),
            .init("held", .array(export.held.map(UserStateJSON.pending))),
            .init("profile", export.state == nil ? .null : parts(export.profile)),
            .init(
                "prediction",
                export.prediction == nil
                    ? .null : .object(row(prediction, limit: 100).members)),
        ])
    }

    private func one(_ reference: UserReference) throws(ControlError) -> UserID {
        let users = try users([reference])
        return users[0]
    }

    private func reply(_ suppression: Suppression) -> SuppressionReply {
        var reply = SuppressionReply(user: suppression.user.description)
        reply.input = suppression.input
        reply.original = names.name(of: suppression.user)
        reply.place = suppression.place.description
        reply.offset = suppression.offset
        reply.allowsReturn = suppression.allowsReturn
        reply.reason = suppression.reason
        reply.seconds = suppression.seconds
        reply.erasedSeconds = suppression.erasedSeconds
        reply.snapshots = suppression.found.snapshots
        reply.quarantined = suppression.found.quarantined
        reply.unreadable = suppression.found.unreadable
        return reply
    }

    private func parts(_ reply: ProfileReply) -> JSONValue {
        .array(
            reply.parts.map { part in
                let values = reply.rows.first.map { Array($0.values[part.start..<part.end]) }
                return [
                    "name": .string(part.name), "start": .int(Int64(part.start)),
                    "end": .int(Int64(part.end)), "values": .floats(values ?? []),
                ]
            })
    }
}

/// A user's state as people read it: every table by name, ids as strings.
struct UserStateJSON {
    let state: UserState

    var json: JSONValue {
        .object([
            .init("first", .optional(state.firstSeconds)),
            .init("newest", .optional(state.window.newestSeconds)),
            .init("folded", .optional(state.window.foldedSeconds)),
            .init("last_row", .optional(state.lastRowSeconds)),
            .init("event_id_hashes", .array(state.window.eventIDs.map { id($0) })),
            .init("pending", .array(state.window.pending.map(Self.pending))),
            .init("counts", counts), .init("sums", sums),
            .init("visit_session", session(state.visitSession)),
            .init("search_session", session(state.searchSession)),
            .init("weeks", weeks),
            .init("tables", tables),
            .init("rows", rows),
        ])
    }

    /// An event that waits, or is held.
    static func pending(_ pending: PendingEvent) -> JSONValue {
        let event = pending.event.event
        var members: [JSONValue.Member] = [
            .init("event_type", .string(event.kind.name)), .init("timestamp", .int(event.seconds)),
        ]
        // A search is about no item; its key is 0, which could be one.
        if event.kind != .searchQuery {
            members.append(
                .init(event.kind == .pageVisit ? "url" : "sku", .string(String(event.key))))
        }
        return .object(
            members + [
                .init("query", vector(event.query)),
                .init("category", .optional(pending.event.category.map { String($0) })),
                .init("price", .optional(pending.event.price.map { Int64($0) })),
                .init("name", vector(pending.event.name)),
                .init("offset", .int(pending.offset)),
                .init("event_id_hash", .string(String(event.eventIDHash, radix: 16))),
            ])
    }

    private func id(_ hash: UInt64) -> JSONValue { .string(String(hash, radix: 16)) }

    private static func vector(_ text: TextVector?) -> JSONValue {
        guard let text else { return .null }
        return .array((0..<16).map { .int(Int64(text[$0])) })
    }

    private var counts: JSONValue {
        .object(
            EventKind.allCases.map { kind in
                let count = state.activity.count(kind)
                let last = state.activity.lastSeconds[Int(kind.rawValue)]
                return .init(
                    kind.name,
                    ["count": .int(Int64(count)), "last": .optional(count == 0 ? nil : last)])
            })
    }

    private var sums: JSONValue {
        let activity = state.activity
        return .object([
            .init("late_events", .int(Int64(activity.lateCount))),
            .init("active_days", .int(Int64(activity.activeDayCount))),
            .init("visit_sessions", .int(Int64(activity.visitSessionCount))),
            .init("visit_seconds", .int(activity.visitSeconds)),
            .init("search_sessions", .int(Int64(activity.searchSessionCount))),
            .init("search_seconds", .int(activity.searchSeconds)),
            .init("products_near_sessions", .int(activity.nearbyCount)),
            .init("priced_buys", .int(Int64(activity.pricedBuyCount))),
            .init("buy_price_sum", .int(activity.buyPriceSum)),
            .init("buy_price_minimum", .int(Int64(activity.buyPriceMinimum))),
            .init("buy_price_maximum", .int(Int64(activity.buyPriceMaximum))),
            .init("priced_adds", .int(Int64(activity.pricedAddCount))),
            .init("add_price_sum", .int(activity.addPriceSum)),
            .init("popularity_sum", .double(activity.popularitySum)),
            .init("top_items", .int(Int64(activity.topItemCount))),
            .init("top_categories", .int(Int64(activity.topCategoryCount))),
        ])
    }

    private func session(_ session: OpenSession?) -> JSONValue {
        guard let session else { return .null }
        return .object([
            .init("start", .int(session.start)), .init("last", .int(session.last)),
            .init("first_key", .optional(session.firstKey.map { String($0) })),
            .init("first_query", Self.vector(session.firstQuery)),
            .init("products", .int(Int64(session.nearby.count))),
            .init("products_after", .int(Int64(session.beyond.count))),
        ])
    }

    private var weeks: JSONValue {
        guard !state.weeks.counts.isEmpty else { return .null }
        return [
            "newest": .int(state.weeks.newestWeek),
            "rows": .array(state.weeks.counts.map { .int(Int64($0)) }),
        ]
    }

    private var tables: JSONValue {
        let product = ["product_buy", "add_to_cart", "remove_from_cart"]
        let named: [(name: String, table: KeyedCounts, lanes: [String])] = [
            ("items", state.items, product), ("categories", state.categories, product),
            ("name_clusters", state.nameClusters, product), ("urls", state.urls, ["page_visit"]),
            ("queries", state.queries, ["search_query"]),
            ("query_clusters", state.queryClusters, ["search_query"]),
        ]
        return .object(
            named.map { name, table, lanes in
                .init(
                    name,
                    .array(
                        table.entries.map { entry in
                            let counts = lanes.enumerated().map { lane, name in
                                JSONValue.Member(name, .int(Int64(entry[lane])))
                            }
                            return .object(
                                [.init("key", .string(String(entry.key)))] + counts)
                        }))
            })
    }

    /// Oldest first; `values` are the 64 positions of docs/rows.md.
    private var rows: JSONValue {
        let rows = state.rows
        let first = rows.totalCount - Int64(rows.count)
        return .object([
            .init("total", .int(rows.totalCount)),
            .init(
                "kept",
                .array(
                    (first..<rows.totalCount).map { index in
                        let slot = rows.slot(of: index)
                        let key = rows.keys[slot]
                        let width = RowLayout.width
                        let halves = rows.halves[slot * width..<(slot + 1) * width]
                        return .object([
                            .init("row_type", .string(key.kind.name)),
                            .init("placed", .int(key.seconds)),
                            .init("key", .string(String(key.key))),
                            .init("category", .optional(key.category.map { String($0) })),
                            .init("price", .optional(key.price.map { Int64($0) })),
                            .init("gap_class", .int(Int64(key.gap))),
                            .init(
                                "values", .floats(halves.map { Float(Float16(bitPattern: $0)) })),
                        ])
                    })),
        ])
    }
}
