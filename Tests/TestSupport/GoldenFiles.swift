/// Where a file of Tests/Golden is.
package func goldenPath(_ name: String) -> String {
    "/"
        + (#filePath.split(separator: "/").dropLast(2) + ["Golden", name[...]])
        .joined(separator: "/")
}
