import Events

/// Translates between users and the texts that an importing shop knows them under.
package protocol UserNames: Sendable {
    /// The user behind a text that is no decimal number; nil when texts mean nothing here.
    func user(named text: String) -> UserID?
    /// The shop's own text for a user; nil when its number is its name.
    func name(of user: UserID) -> String?
    /// The shop's own text for an item or category; nil when its number is its name.
    func name(of id: Int64, _ kind: IDKind) -> String?
}

/// For logs whose ids are numbers.
package struct NumbersOnly: UserNames {
    package init() {}

    /// Always nil: a text that is no number names nobody.
    package func user(named text: String) -> UserID? { nil }

    /// Always nil: the number is the name.
    package func name(of user: UserID) -> String? { nil }

    /// Always nil: the number is the name.
    package func name(of id: Int64, _ kind: IDKind) -> String? { nil }
}
