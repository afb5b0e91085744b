"""Files and databases: any format in, EPSG:4326 and a written schema out."""
