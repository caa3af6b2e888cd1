/// What speaks: the program's version and the protocol's.
package enum Version {
    /// The package's version.
    package static let program = "0.1.0"
    /// Rises when a member of a reply changes its meaning; new members do not raise it.
    package static let wire: Int64 = 1
}
