import{a,b,c}from"./chunk-TP3XOG5U.js";export{b as QUICK,a as emoji,c as find};
