/// Parameters of `profile.predict`.
package struct PredictionParameters: Sendable, Equatable {
    /// Entries of a list that are answered when nothing else is said, and at most.
    package static let standardLimit: Int64 = 10
    package static let limits: ClosedRange<Int64> = 0...100

    package var users: [UserReference]
    /// Entries of each list, best first; 0 leaves the lists empty.
    package var limit: Int64
    /// The generation that is asked; the active one unless it names another.
    package var choice = ServedChoice()

    package init(users: [UserReference], limit: Int64 = Self.standardLimit) {
        self.users = users
        self.limit = limit
    }

    /// Reads `user` or `users`, one of them, and `limit`.
    package init(_ members: [JSONValue.Member]) throws(ControlError) {
        var parameters = Parameters(members)
        let one = parameters.value("user")
        let many = try parameters.users("users")
        switch (one, many) {
        case (let value?, nil):
            guard let user = UserReference(json: value) else {
                throw .invalid("user", Parameters.userWant, value)
            }
            users = [user]
        case (nil, let list?): users = list
        case (nil, nil): throw .missing("user", "\(Parameters.userWant), or an array `users`")
        case (_?, _?):
            throw ControlError(
                .invalidParams, "`user` and `users` are both given", hint: "send one of them")
        }
        limit = try parameters.integer("limit", in: Self.limits) ?? Self.standardLimit
        choice = try ServedChoice(&parameters)
        try parameters.finish()
    }

    /// The members that `init` reads.
    package var members: [JSONValue.Member] {
        var members = [JSONValue.Member("users", .array(users.map(\.json)))]
        if limit != Self.standardLimit { members.append(.init("limit", .int(limit))) }
        return members + choice.members
    }
}

/// What is foretold of one user in a reply of `profile.predict`.
package struct PredictionRow: Sendable, Equatable {
    /// An item or category the user may buy.
    package struct Target: Sendable, Equatable {
        package var id: String
        /// The text that the shop knows it under; nil when the id is the shop's own number.
        package var name: String?
        /// That it is bought in the label horizon, 0…1.
        package var probability: Double
        /// Of the user's and the target's factors; only the order of one user's scores means anything.
        package var score: Double?

        package init(id: String, name: String?, probability: Double, score: Double?) {
            self.id = id
            self.name = name
            self.probability = probability
            self.score = score
        }

        var json: JSONValue {
            var members: [JSONValue.Member] = [.init("id", .string(id))]
            if let name { members.append(.init("name", .string(name))) }
            members.append(.init("probability", .double(probability)))
            members.append(.init("score", score.map(JSONValue.double) ?? .null))
            return .object(members)
        }

        init(json: JSONValue) {
            id = json["id"]?.text ?? ""
            name = json["name"]?.text
            probability = json["probability"]?.number ?? 0
            score = json["score"]?.number
        }
    }

    package var user: String
    /// The text the shop knows the user under; nil when the id is the shop's own number.
    package var original: String?
    /// False for a user of whom nothing was applied; nothing is foretold then.
    package var known: Bool
    /// That nothing is bought in the label horizon; nil without trained heads.
    package var churn: Double?
    /// Best first.
    package var categories: [Target]
    package var items: [Target]

    package init(
        user: String, original: String?, known: Bool, churn: Double?, categories: [Target],
        items: [Target]
    ) {
        self.user = user
        self.original = original
        self.known = known
        self.churn = churn
        self.categories = categories
        self.items = items
    }

    /// As members of a reply; `original` only when there is one.
    package var members: [JSONValue.Member] {
        var members: [JSONValue.Member] = [.init("user", .string(user))]
        if let original { members.append(.init("original", .string(original))) }
        return members + [
            .init("known", .bool(known)),
            .init("churn", churn.map(JSONValue.double) ?? .null),
            .init("categories", .array(categories.map(\.json))),
            .init("items", .array(items.map(\.json))),
        ]
    }

    /// Reads a reply; what is missing is nil or empty.
    package init(json: JSONValue) {
        user = json["user"]?.text ?? ""
        original = json["original"]?.text
        known = json["known"]?.boolean ?? false
        churn = json["churn"]?.number
        categories = (json["categories"]?.elements ?? []).map(Target.init)
        items = (json["items"]?.elements ?? []).map(Target.init)
    }
}
