# Draws what full_batch writes: for each method, how near the best of its runs has come by so many
# passes.  gnuplot -e "csv='softmax.csv'; svg='full_batch_softmax.svg'" tests/full_batch.gp
set terminal svg size 640,420 dynamic font 'sans-serif,11' background '#ffffff'
set output svg
set logscale xy
set format y '10^{%L}'
set xlabel 'passes over the data'
set ylabel 'loss / optimum - 1'
set yrange [1e-7:10]
set grid linecolor '#d8d8d8'
set border linecolor '#808080'
set tics nomirror textcolor '#404040'
set key bottom left Left reverse
best(name) = "< awk -F, '$2 == \"" . name . "\" { print $6, $7 }' " . csv . \
    " | sort -g | awk '!seen || $2 < least { seen = 1; least = $2; if (least > 0 && $1 >= 1.03 * shown) { shown = $1; print $1, least } }'"
names = system("awk -F, '!seen[$2]++ { gsub(\" \", \"_\", $2); print $2 }' " . csv)
array colours[8] = ['#0072b2', '#56b4e9', '#009e73', '#d55e00', '#e69f00', '#cc79a7', '#000000', '#7f7f00']
name(i) = system("echo '" . word(names, i) . "' | tr _ ' '")
plot for [i = 1:words(names)] best(name(i)) using 1:2 with steps linewidth 1.8 \
    linecolor rgb colours[i] title name(i)
