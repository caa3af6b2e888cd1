/// Parameters of `profile.explain`.
package struct ExplanationParameters: Sendable, Equatable {
    /// Sessions that are answered, at most, and how many unless the peer says.
    package static let limits: ClosedRange<Int64> = 1...1000
    package static let standardLimit: Int64 = 10
    /// Categories, and items, of the prediction that are explained.
    package static let targetLimits: ClosedRange<Int64> = 0...100
    package static let standardTargets: Int64 = 3

    package var user: UserReference
    /// Event time to speak for, seconds since 1970; nil means the log clock.
    package var asOf: Int64?
    package var limit: Int64 = Self.standardLimit
    package var targets: Int64 = Self.standardTargets
    /// The generation that is asked; the active one unless it names another.
    package var choice = ServedChoice()

    package init(user: UserReference) { self.user = user }

    /// Reads the parameters.
    package init(_ members: [JSONValue.Member]) throws(ControlError) {
        var parameters = Parameters(members)
        user = try parameters.user()
        asOf = try parameters.integer("as_of", in: 0...253_402_300_799)
        limit = try parameters.integer("limit", in: Self.limits) ?? Self.standardLimit
        targets =
            try parameters.integer("targets", in: Self.targetLimits) ?? Self.standardTargets
        choice = try ServedChoice(&parameters)
        try parameters.finish()
    }

    /// The members that `init` reads.
    package var members: [JSONValue.Member] {
        var members: [JSONValue.Member] = [.init("user", user.json)]
        if let asOf { members.append(.init("as_of", .int(asOf))) }
        if limit != Self.standardLimit { members.append(.init("limit", .int(limit))) }
        if targets != Self.standardTargets { members.append(.init("targets", .int(targets))) }
        return members + choice.members
    }
}

/// One session of a user, and what a prediction owes to it.
package struct SessionEffect: Sendable, Equatable {
    /// A probability without the session.
    package struct Change: Sendable, Equatable {
        /// 0…1.
        package var without: Double
        /// The probability with the session less that without it.
        package var effect: Double

        package init(with: Double, without: Double) {
            self.without = without
            effect = with - without
        }

        fileprivate init?(json: JSONValue?) {
            guard let without = json?["without"]?.number, let effect = json?["effect"]?.number
            else { return nil }
            self.without = without
            self.effect = effect
        }

        fileprivate var members: [JSONValue.Member] {
            [.init("without", .double(without)), .init("effect", .double(effect))]
        }
    }

    /// The change of a target of the prediction.
    package struct TargetChange: Sendable, Equatable {
        package var id: String
        package var change: Change

        package init(id: String, change: Change) {
            self.id = id
            self.change = change
        }

        fileprivate init?(json: JSONValue) {
            guard let id = json["id"]?.text, let change = Change(json: json) else { return nil }
            self.init(id: id, change: change)
        }

        fileprivate var json: JSONValue {
            .object([.init("id", .string(id))] + change.members)
        }
    }

    /// Names of the kinds of rows in `held`.
    package static let kinds = ["visits", "searches", "adds", "removes", "buys"]

    /// Times of the first and of the last event, seconds since 1970, as far as rows tell.
    package var began: Int64
    package var ended: Int64
    /// False where rows before those that can be left out may belong to it too.
    package var isWhole: Bool
    package var rows: Int64
    /// Rows by kind, in the order of `kinds`; visits and searches are sessions of their own table.
    package var held: [Int64]
    /// nil without a network that foretells it.
    package var churn: Change?
    /// In the order of the reply's lists.
    package var categories: [TargetChange]
    package var items: [TargetChange]

    package init(
        began: Int64, ended: Int64, isWhole: Bool, rows: Int64, held: [Int64], churn: Change?,
        categories: [TargetChange], items: [TargetChange]
    ) {
        self.began = began
        self.ended = ended
        self.isWhole = isWhole
        self.rows = rows
        self.held = held
        self.churn = churn
        self.categories = categories
        self.items = items
    }

    /// As an element of a reply's `sessions`.
    package var json: JSONValue {
        .object([
            .init("began", .int(began)), .init("ended", .int(ended)),
            .init("whole", .bool(isWhole)), .init("rows", .int(rows)),
            .init(
                "held",
                .object(zip(Self.kinds, held).map { JSONValue.Member($0.0, .int($0.1)) })),
            .init("churn", churn.map { .object($0.members) } ?? .null),
            .init("categories", .array(categories.map(\.json))),
            .init("items", .array(items.map(\.json))),
        ])
    }

    /// Reads an element; what is missing is zero, nil or empty.
    package init(json: JSONValue) {
        began = json["began"]?.integer ?? 0
        ended = json["ended"]?.integer ?? 0
        isWhole = json["whole"]?.boolean ?? false
        rows = json["rows"]?.integer ?? 0
        held = Self.kinds.map { json["held"]?[$0]?.integer ?? 0 }
        churn = Change(json: json["churn"])
        categories = (json["categories"]?.elements ?? []).compactMap(TargetChange.init)
        items = (json["items"]?.elements ?? []).compactMap(TargetChange.init)
    }
}

/// Answer of `profile.explain`, without its header of generation and time.
package struct ExplanationRow: Sendable, Equatable {
    /// The prediction that is explained.
    package var prediction: PredictionRow
    /// Why nothing is explained, or what to think of it; nil when nothing is to be said.
    package var reason: String?
    /// Rows that can be left out, and those before them, which cannot.
    package var windowRows: Int64
    package var olderRows: Int64
    /// What stays as it is whatever is left out: `older_rows`, `row_counts`, `scores`.
    package var unchanged: [String]
    /// Sessions there are, of which `sessions` are some.
    package var sessionCount: Int64
    /// The greatest effect on churn first, the newest of equal ones.
    package var sessions: [SessionEffect] = []

    /// Of a user of whom nothing is known, or without sessions yet.
    package init(prediction: PredictionRow) {
        self.prediction = prediction
        (windowRows, olderRows, sessionCount) = (0, 0, 0)
        unchanged = []
    }

    /// As members of a reply.
    package var members: [JSONValue.Member] {
        prediction.members + [
            .init("reason", .optional(reason)), .init("window_rows", .int(windowRows)),
            .init("older_rows", .int(olderRows)),
            .init("unchanged", .array(unchanged.map(JSONValue.string))),
            .init("session_count", .int(sessionCount)),
            .init("sessions", .array(sessions.map(\.json))),
        ]
    }

    /// Reads a reply; what is missing is zero, nil or empty.
    package init(json: JSONValue) {
        prediction = PredictionRow(json: json)
        reason = json["reason"]?.text
        windowRows = json["window_rows"]?.integer ?? 0
        olderRows = json["older_rows"]?.integer ?? 0
        unchanged = (json["unchanged"]?.elements ?? []).compactMap(\.text)
        sessionCount = json["session_count"]?.integer ?? 0
        sessions = (json["sessions"]?.elements ?? []).map(SessionEffect.init)
    }
}
