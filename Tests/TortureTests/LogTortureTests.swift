import Testing

@testable import Torture

@Suite struct LogTortureTests {
    @Test func `x`() {}
}
