import Learning

/// The networks that a refresh trains; the published ones unless somebody wants smaller ones.
///
/// What a space's lists decide, such as the number of categories, is filled in by the training.
package struct NetworkSizes: Sendable, Equatable {
    package var sra = SRAConfiguration.sra
    package var fip = SRAConfiguration.fip
    package var mtl = MTLConfiguration.mtl
    package var mtlPropensity = MTLConfiguration.propensity
    package var mtlChurn = MTLConfiguration.churn
    package var esa = ESAConfiguration(categoryCount: 1)

    package init() {}
}
